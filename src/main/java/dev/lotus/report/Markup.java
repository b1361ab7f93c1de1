package dev.lotus.report;

/**
 * A growing piece of HTML or SVG. Every text and attribute value goes through {@link #escape}, and
 * every element is closed, so the page is well-formed XML too and tests can parse it.
 */
final class Markup {
  private final StringBuilder out = new StringBuilder();

  /**
   * Opens an element; attributes are name, value pairs, and those with null values are left out.
   */
  Markup open(String element, Object... attributes) {
    tag(element, attributes);
    out.append('>');
    return this;
  }

  Markup close(String element) {
    out.append("</").append(element).append(">\n");
    return this;
  }

  /** An element without content. */
  Markup empty(String element, Object... attributes) {
    tag(element, attributes);
    out.append("/>\n");
    return this;
  }

  /** An element with text. */
  Markup element(String element, String text, Object... attributes) {
    return open(element, attributes).text(text).close(element);
  }

  Markup text(String text) {
    out.append(escape(text));
    return this;
  }

  /** Markup that is known to be well-formed. */
  Markup raw(String markup) {
    out.append(markup);
    return this;
  }

  private void tag(String element, Object... attributes) {
    out.append('<').append(element);
    for (int i = 0; i < attributes.length; i += 2) {
      Object value = attributes[i + 1];
      if (value != null) {
        String text =
            value instanceof Double number ? Numbers.coordinate(number) : value.toString();
        out.append(' ').append(attributes[i]).append("=\"").append(escape(text)).append('"');
      }
    }
  }

  /** The five characters with a meaning, and control characters that XML has no place for. */
  static String escape(String text) {
    StringBuilder escaped = new StringBuilder(text.length() + 16);
    text.codePoints()
        .forEach(
            c -> {
              switch (c) {
                case '&' -> escaped.append("&amp;");
                case '<' -> escaped.append("&lt;");
                case '>' -> escaped.append("&gt;");
                case '"' -> escaped.append("&quot;");
                case '\'' -> escaped.append("&#39;");
                default -> {
                  boolean allowed =
                      c == '\n'
                          || c == '\t'
                          || (c >= 0x20 && c < 0x7F)
                          || (c >= 0xA0 && c <= 0xD7FF)
                          || (c >= 0xE000 && c <= 0xFFFD)
                          || c >= 0x10000;
                  escaped.appendCodePoint(allowed ? c : 0xFFFD);
                }
              }
            });
    return escaped.toString();
  }

  /** Opens an svg that scales with its width and tells readers of the page what it shows. */
  void openChart(String id, String title, String description, double width, double height) {
    open(
        "svg",
        "class",
        "chart",
        "viewBox",
        "0 0 " + Numbers.coordinate(width) + " " + Numbers.coordinate(height),
        "role",
        "img",
        "aria-labelledby",
        id + "-t " + id + "-d");
    element("title", title, "id", id + "-t");
    element("desc", description, "id", id + "-d");
  }

  @Override
  public String toString() {
    return out.toString();
  }
}
