package dev.lotus.kernel.binding;

import org.bytedeco.javacpp.annotation.Platform;
import org.bytedeco.javacpp.annotation.Properties;
import org.bytedeco.javacpp.tools.Info;
import org.bytedeco.javacpp.tools.InfoMap;
import org.bytedeco.javacpp.tools.InfoMapper;

/**
 * JavaCPP preset: {@code lotus.h} becomes {@code dev.lotus.kernel.binding.Lotus} (generated into
 * {@code target/}).
 *
 * <p>{@code preload} carries the CUDA kernels into the jar beside the library; they are a library
 * of their own, opened by {@code liblotus} only where CUDA can be had, so that one jar runs
 * everywhere.
 */
@Properties(
    value =
        @Platform(
            value = "linux-x86_64",
            include = "lotus.h",
            link = "lotus",
            preload = "lotus_cuda"),
    target = "dev.lotus.kernel.binding",
    global = "dev.lotus.kernel.binding.Lotus")
public class LotusPreset implements InfoMapper {
  @Override
  public void map(InfoMap infoMap) {
    infoMap.put(new Info("LOTUS_API").cppTypes().annotations());
    // A C interface throws nothing: no exception translation around each call.
    infoMap.put(new Info("lotus_tensor").pointerTypes("LotusTensor"));
    infoMap.put(new Info("lotus_augment").pointerTypes("LotusAugment"));
    infoMap.put(new Info("lotus_draw").pointerTypes("LotusDraw"));
    infoMap.put(new Info("lotus_pace").pointerTypes("LotusPace"));
    infoMap.put(new Info("lotus_*").javaNames().annotations("@NoException"));
  }
}
