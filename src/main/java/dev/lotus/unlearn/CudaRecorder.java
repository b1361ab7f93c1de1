package dev.lotus.unlearn;

import dev.lotus.device.ComputeDevice;
import dev.lotus.device.CudaGraph;
import dev.lotus.device.CudaStream;
import dev.lotus.device.SideStream;

/** Records work as a CUDA graph; on the CPU, or where it was asked not to, nothing. */
record CudaRecorder(ComputeDevice device) implements StepGraph.Recorder {
  /** {@code -Dlotus.graph=false}: every step one operation after the other, to compare. */
  private static final boolean WANTED =
      !"false".equalsIgnoreCase(System.getProperty("lotus.graph"));

  @Override
  public boolean records() {
    return WANTED && device.cuda();
  }

  @Override
  public StepGraph.Place open() {
    return SideStream.open(device)::close;
  }

  @Override
  public StepGraph.Recording record(Runnable work, Runnable host) {
    CudaGraph graph = CudaGraph.captureTorch(device, work);
    return new StepGraph.Recording() {
      private boolean played;

      @Override
      public void play() {
        if (played) {
          host.run();
        }
        played = true;
        graph.launch(CudaStream.current(device));
      }

      @Override
      public void close() {
        CudaStream.current(device).synchronize();
        graph.close();
      }
    };
  }
}
