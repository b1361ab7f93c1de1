package dev.lotus.device;

import org.bytedeco.cuda.cudart.CUgraphExec_st;
import org.bytedeco.cuda.cudart.CUgraph_st;
import org.bytedeco.cuda.global.cudart;
import org.bytedeco.javacpp.SizeTPointer;

/**
 * Work that was queued once and is launched again and again as a whole: one call instead of one a
 * kernel. The same kernels with the same arguments and addresses, so with the same bits; the memory
 * they use must outlive the graph.
 */
public final class CudaGraph implements AutoCloseable {
  private final GraphMemory memory;
  private final long nodes;
  private CUgraphExec_st executable;

  private CudaGraph(CUgraphExec_st executable, long nodes, GraphMemory memory) {
    this.executable = executable;
    this.nodes = nodes;
    this.memory = memory;
  }

  /**
   * Records what {@code work} queues on {@code stream}; nothing of it runs yet. {@code work}
   * allocates no device memory, waits for nothing, and has run once before, outside: what is loaded
   * at a first call cannot be captured.
   *
   * @throws CudaException if CUDA refuses, or {@code work} did what cannot be captured
   */
  public static CudaGraph capture(CudaStream stream, Runnable work) {
    return capture(stream, work, null);
  }

  /**
   * The same of work that libtorch does, and allocates memory for, on the current stream, which is
   * not the default one. The graph keeps that memory: tensors that the work made and that are still
   * there hold what the last launch left in them.
   *
   * @throws CudaException if CUDA refuses, or {@code work} did what cannot be captured
   * @throws IllegalStateException if the current stream is the default one
   */
  public static CudaGraph captureTorch(ComputeDevice device, Runnable work) {
    CudaStream stream = CudaStream.current(device);
    if (stream.handle() == null) {
      throw new IllegalStateException("the default stream cannot be captured: open a SideStream");
    }
    GraphMemory memory = new GraphMemory(stream);
    boolean done = false;
    try (CudaRuntime.Current current = CudaRuntime.on(device)) {
      // Before the capture begins: autograd's threads may free memory at any moment.
      memory.begin();
      CudaGraph graph;
      try {
        graph = capture(stream, work, memory);
      } finally {
        memory.end();
      }
      done = true;
      return graph;
    } finally {
      if (!done) {
        memory.close();
      }
    }
  }

  private static CudaGraph capture(CudaStream stream, Runnable work, GraphMemory memory) {
    CudaRuntime.check(
        "cudaStreamBeginCapture",
        // Other threads may go on allocating: only this thread's calls are restricted.
        cudart.cudaStreamBeginCapture(stream.handle(), cudart.cudaStreamCaptureModeThreadLocal));
    CUgraph_st graph = new CUgraph_st();
    boolean done = false;
    try {
      work.run();
      done = true;
    } finally {
      // The capture ends whatever happened, or the stream could not be used again.
      int status = cudart.cudaStreamEndCapture(stream.handle(), graph);
      if (done) {
        CudaRuntime.check("cudaStreamEndCapture", status);
      } else {
        // What work threw is the news; a capture it spoiled leaves no error for the next call.
        cudart.cudaGetLastError();
        if (!graph.isNull()) {
          cudart.cudaGraphDestroy(graph);
        }
      }
    }
    try {
      long nodes = nodes(graph);
      CUgraphExec_st executable = new CUgraphExec_st();
      CudaRuntime.check("cudaGraphInstantiate", cudart.cudaGraphInstantiate(executable, graph, 0));
      return new CudaGraph(executable, nodes, memory);
    } finally {
      cudart.cudaGraphDestroy(graph); // the executable one stands for itself
    }
  }

  private static long nodes(CUgraph_st graph) {
    try (SizeTPointer count = new SizeTPointer(1)) {
      CudaRuntime.check("cudaGraphGetNodes", cudart.cudaGraphGetNodes(graph, null, count));
      return count.get();
    }
  }

  /** Kernels, copies and the like that one launch stands for. */
  public long nodes() {
    return nodes;
  }

  /**
   * Queues the whole on {@code stream}.
   *
   * @throws IllegalStateException if closed
   */
  public void launch(CudaStream stream) {
    if (executable == null) {
      throw new IllegalStateException("the CUDA graph is closed");
    }
    try (CudaRuntime.Current current = CudaRuntime.on(stream.device())) {
      CudaRuntime.check("cudaGraphLaunch", cudart.cudaGraphLaunch(executable, stream.handle()));
    }
  }

  /** The caller has waited for the launches. */
  @Override
  public void close() {
    if (executable != null) {
      CUgraphExec_st closing = executable;
      executable = null;
      CudaRuntime.check("cudaGraphExecDestroy", cudart.cudaGraphExecDestroy(closing));
      if (memory != null) {
        memory.close();
      }
    }
  }
}
