package dev.lotus.cli;

/** placeholder replaced below. */
public final class Main {
  private Main() {}

  public static void main(String[] args) {
    System.out.println(dev.lotus.kernel.binding.Lotus.lotus_version().getString());
  }
}
