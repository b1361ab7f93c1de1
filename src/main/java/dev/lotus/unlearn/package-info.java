/**
 * Drives stages 2 to 7: {@link dev.lotus.unlearn.UnlearnLoop} is the run on one screen, {@link
 * dev.lotus.unlearn.UnlearnMethod} what a method adds to it, one file a method.
 *
 * <p>In: a data set, a split, the original model. Out: the unlearned model, its trace by epoch, its
 * evaluation.
 */
package dev.lotus.unlearn;
