package dev.lotus.backbone;

import dev.lotus.device.InputException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.InterpolateFuncOptions;
import org.bytedeco.pytorch.LongVector;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.bytedeco.pytorch.kBicubic;

/** From a file to a backbone: names, architecture, and what has to be changed to make it fit. */
final class ModelReader {
  private static final String POSITIONS = "pos_embed";

  private ModelReader() {}

  static Backbones.Opened open(Path file, Backbones.Wanted wanted) {
    if (isTorchScript(file)) {
      if (wanted.arch() != null && !wanted.arch().equals(TorchScript.NAME)) {
        throw new InputException(
            file + ": is a TorchScript program, which needs no --arch " + wanted.arch());
      }
      return new Backbones.Opened(
          TorchScript.open(file, wanted.channels(), wanted.imageSize()), List.of());
    }
    try (PointerScope scope = new PointerScope();
        NoGradGuard noGrad = new NoGradGuard()) {
      Checkpoint.Loaded read = Checkpoint.read(file);
      KeyLayout layout = KeyLayout.of(read.tensors().keySet());
      Map<String, String> metadata = new LinkedHashMap<>(read.metadata());
      if (wanted.arch() != null) {
        metadata.put(Arch.KEY_NAME, wanted.arch());
      }
      metadata.putIfAbsent(Arch.KEY_EPS, Double.toString(layout.layerNormEps()));
      try {
        Checkpoint.Loaded loaded =
            new Checkpoint.Loaded(file, layout.toOurs(read.tensors()), metadata);
        return fitted(loaded, layout, wanted);
      } catch (InputException e) {
        String text = e.getMessage().startsWith(file.toString()) ? "" : file + ": ";
        String names = layout == KeyLayout.LOTUS ? "" : " (" + layout + " names, listed as timm's)";
        throw new InputException(text + e.getMessage() + names, e);
      }
    }
  }

  /** Whether {@link #open} would hand the file to libtorch's interpreter. */
  static boolean isTorchScript(Path file) {
    if (!Files.isRegularFile(file)) {
      return false; // Checkpoint says what is wrong
    }
    try (InputStream in = Files.newInputStream(file)) {
      return TorchFile.isZip(in.readNBytes(4)) && TorchFile.isTorchScript(file);
    } catch (IOException e) {
      throw new InputException(file + ": cannot be read (" + e + ")", e);
    }
  }

  private static Backbones.Opened fitted(
      Checkpoint.Loaded loaded, KeyLayout layout, Backbones.Wanted wanted) {
    Arch inFile =
        ArchRecognition.recognise(loaded.shapes(), loaded.metadata(), wanted.newClasses());
    ArchRecognition.requireHeld(inFile, loaded.shapes());
    List<String> notes = new ArrayList<>();
    Map<String, Tensor> tensors = new LinkedHashMap<>(loaded.tensors());
    Arch arch = inFile;
    if (wanted.imageSize() > 0 && wanted.imageSize() != arch.imageSize()) {
      arch = arch.withImageSize(wanted.imageSize());
    }
    boolean otherPositions = arch.isTransformer() && arch.imageSize() != inFile.imageSize();
    if (otherPositions) {
      notes.add(
          "position embeddings interpolated from images of "
              + inFile.imageSize()
              + " to "
              + arch.imageSize()
              + " pixels");
    }
    if (wanted.newClasses() > 0 && wanted.newClasses() != arch.classes()) {
      arch = arch.withClasses(wanted.newClasses());
    }
    String head = ArchRecognition.head(arch.name());
    boolean newHead =
        arch.classes() != inFile.classes()
            || wanted.newClasses() > 0 && !tensors.containsKey(head + ".weight");
    Backbone backbone = Backbones.create(arch);
    try {
      if (otherPositions) {
        tensors.computeIfPresent(
            POSITIONS, (name, table) -> resized(table, backbone.state().get(POSITIONS), layout));
      }
      if (newHead) {
        boolean had = tensors.containsKey(head + ".weight");
        notes.add(
            (had
                    ? "head of " + inFile.classes() + " classes replaced by"
                    : "no head in the file: it got")
                + " a new one of "
                + arch.classes());
        backbone.initialise(wanted.seed());
        for (String part : List.of(head + ".weight", head + ".bias")) {
          tensors.put(part, backbone.state().get(part).clone());
        }
      }
      Checkpoint.load(backbone, new Checkpoint.Loaded(loaded.source(), tensors, loaded.metadata()));
      backbone.train(false);
      return new Backbones.Opened(backbone, List.copyOf(notes));
    } catch (RuntimeException e) {
      backbone.close();
      throw e;
    }
  }

  /**
   * Position embeddings [1, 1 + n*n, D] for another n: the class token's stays, the others are
   * interpolated bicubically as a picture, as the library does that the file is of: timm with an
   * antialiasing filter, Hugging Face without, torchvision without and with aligned corners.
   */
  private static Tensor resized(Tensor table, Tensor wanted, KeyLayout layout) {
    long[] shape = Checkpoint.shapeOf(table);
    if (shape.length != 3 || !table.is_floating_point()) {
      throw new InputException("tensor pos_embed has shape " + Arrays.toString(shape));
    }
    long from = Math.round(Math.sqrt(shape[1] - 1.0));
    long to = Math.round(Math.sqrt(wanted.size(1) - 1.0));
    Tensor grid =
        table
            .narrow(1, 1, from * from)
            .to(ScalarType.Float)
            .reshape(1, from, from, shape[2])
            .permute(0, 3, 1, 2);
    InterpolateFuncOptions options = new InterpolateFuncOptions();
    options.size().put(new LongVector(to, to));
    options.mode().put(new kBicubic());
    options.align_corners().put(layout.alignsCorners());
    options.antialias().put(layout.antialiases());
    Tensor resized =
        torch.interpolate(grid, options).permute(0, 2, 3, 1).reshape(1, to * to, shape[2]);
    return torch.cat(new TensorVector(table.narrow(1, 0, 1).to(ScalarType.Float), resized), 1);
  }
}
