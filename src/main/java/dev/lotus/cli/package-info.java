/** The command line: one file a command; the commands hold no mathematics. */
package dev.lotus.cli;
