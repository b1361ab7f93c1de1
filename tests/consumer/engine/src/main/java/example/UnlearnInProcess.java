package example;

import dev.lotus.backbone.Arch;
import dev.lotus.backbone.Backbone;
import dev.lotus.backbone.Backbones;
import dev.lotus.data.Dataset;
import dev.lotus.data.Datasets;
import dev.lotus.data.Split;
import dev.lotus.device.TorchRuntime;
import dev.lotus.report.EpochTrace;
import dev.lotus.unlearn.Unlearning;

public class UnlearnInProcess {
  public static void main(String[] args) {
    TorchRuntime.load(0); // one thread a processor
    Dataset images = Datasets.open("synthetic", null, 0);
    Split split = Split.random(images, 0.02, false, 3407);
    try (Backbone original = Backbones.create(new Arch("resnet20", images.classes(), 3, 0.25, 32))) {
      original.initialise(3407); // or Backbones.open(file, null)
      Unlearning.Builder run =
          Unlearning.builder()
              .original(original)
              .data(images)
              .split(split)
              .configure(c -> c.method("lotus").epochs(2).retainFraction(0.1).fixedTau(4.0))
              .listener(
                  new Unlearning.Listener() {
                    @Override
                    public void epoch(EpochTrace trace) {
                      System.out.println(trace.line());
                    }
                  })
              .cancelWhen(Thread.currentThread()::isInterrupted);
      try (Unlearning.Result result = run.run()) {
        System.out.printf(
            "unlearned %d images in %d epochs: accuracy on them %.3f, on test %.3f%n",
            split.forget().length,
            result.trace().size(),
            result.metrics().accForget(),
            result.metrics().accTest());
      }
    }
  }
}
