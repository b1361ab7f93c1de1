/**
 * Stages 5 and 6: from gradients to new weights.
 *
 * <p>In: a backbone's parameters with their gradients, and the epoch's learning rate. Out: the
 * parameters, changed in place.
 */
package dev.lotus.optim;
