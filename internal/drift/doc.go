// Package drift owns how far two distributions lie apart, and what is kept of the
// requests of a window so that this can be told later.
//
// A Layout, made of a bundle's baseline, says what is counted: the edges of
// numbers and times, the texts. A Summary of rows is counts in these bins, exact
// sums, least and greatest values, and texts of least hash; Merge of the summaries
// of hours is, byte for byte, the summary of the month. Compare measures how far
// two summaries of one layout are apart, column by column: measures of effect, a
// test of significance corrected for the number of columns, and a verdict that
// needs both.
//
// What is measured on what:
//
//   - Counts (summaries): PSI, Jensen-Shannon, total variation, chi-square over about
//     ten coarse bins, outside of the reference's range, infinite and missing
//     among them; shares missing, new and out of range; and, over the hundred fine
//     bins, Kolmogorov-Smirnov and Wasserstein. The former is then at most the
//     largest share that a side has in a fine bin (of the reference about 0.01) below that of the values; the latter
//     takes values as spread evenly within a fine bin, and is within the sum, over the
//     fine bins and both sides, of each bin's width times its share (normed alike) of
//     that of the values. Windows are compared in this way, so that a month is compared
//     by what is kept of its hours.
//   - Raw columns: KolmogorovSmirnov and Wasserstein of sorted values are exact,
//     and Result.Sharpen puts them into a comparison. They need the rows of both
//     sides, so they are for a window beside the one before it, or beside the
//     training rows where these are read again; longer periods, and the bundle
//     alone, are compared by summaries.
//
// Besides columns one by one, Separate lets boosted trees tell rows of the window
// from those of the reference; ADWIN and PageHinkley find where the error of a
// stream has changed, FindConcept by both of them over Errors kept of many windows. Where labels have not come, Confidence estimates the metrics
// of a classifier, and an Estimator, learned once on labelled rows and kept in the
// bundle, maps its probabilities to how often they are right, or predicts the loss of
// a regression. A Report puts what is known of a window on a page. When to measure,
// what to do about it and where summaries are kept is others'.
//
// A summary is of one model version, as its layout is of one bundle: windows that
// two versions answered have one of each, and these are not compared.
//
// Sums are exact integers (see Exact), because float addition depends on its order.
// There is no sketch of quantiles: the hundred fixed bins are one that merges
// exactly.
//
// Definitions are scipy's and Evidently's, to 1e-9; where the two differ from what
// a verdict here rests on (Evidently's PSI fills empty bins by 0.0001, its
// Jensen-Shannon is in natural logarithms, its bins are Sturges' over both samples),
// both forms are here and say so.
package drift
