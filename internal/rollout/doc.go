// Package rollout owns the judgement of a model version on its way to an endpoint
// (the candidate) against the one that is live (the champion): from what both
// answered, in the same period, to figures, and to whether one of them is too bad.
//
// A bound counts only if it is crossed by more than chance explains: each check has
// a one-sided test at the level [Level], so that three requests take nothing back.
// With fewer rows than asked for there is no judgement, and that is said.
//
// Where the rows come from is activities'; what a verdict leads to is the rollout
// workflow's.
package rollout
