/**
 * Experiments: models by data by methods by nested seeds, from one file.
 *
 * <p>In: a YAML file ({@link dev.lotus.experiment.ExperimentFile}). It becomes a list of work items
 * ({@link dev.lotus.experiment.Plan}) named by the hash of all that decides about them, so that a
 * finished one ({@link dev.lotus.experiment.ItemStore}) is never made twice, whichever run or
 * experiment asks for it. An audit adds shadow models and questions ({@link
 * dev.lotus.experiment.AuditPlan}). Out: a run folder an item, and from those alone the results
 * ({@link dev.lotus.experiment.Results}) that the report stage writes as tables and a page.
 */
package dev.lotus.experiment;
