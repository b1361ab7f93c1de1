/**
 * Border to {@code lotus.h}: the JavaCPP preset here and the declarations generated from the header
 * at build time. Only {@link dev.lotus.kernel} calls them.
 */
package dev.lotus.kernel.binding;
