package pipeline

import "slices"

// The metrics by task, scikit-learn's definitions; the first is the default.
var metrics = map[Task][]string{
	Regression: {"rmse", "mae", "r2", "mape", "median_absolute_error"},
	Binary:     {"log_loss", "roc_auc", "average_precision", "brier", "accuracy", "precision", "recall", "f1"},
	Multiclass: {"log_loss", "accuracy", "balanced_accuracy", "macro_f1", "weighted_f1"},
}

// Metrics returns the metrics a task has, the default one first.
func Metrics(task Task) []string { return slices.Clone(metrics[task]) }

// LowerIsBetter reports whether less of the metric is better.
func LowerIsBetter(metric string) bool {
	switch metric {
	case "rmse", "mae", "mape", "median_absolute_error", "log_loss", "brier":
		return true
	}
	return false
}

// Better reports whether a value of the metric is strictly better than another.
func Better(metric string, a, b float64) bool {
	if LowerIsBetter(metric) {
		return a < b
	}
	return a > b
}
