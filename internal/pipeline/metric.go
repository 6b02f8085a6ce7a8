package pipeline

import "slices"

// The metrics by task that can choose a model; the first is the default. Their
// definitions are evaluation's: scikit-learn's where it has them.
var metrics = map[Task][]string{
	Regression: {
		"rmse", "mae", "r2", "mape", "smape", "median_absolute_error", "max_error",
		"pinball_10", "pinball_50", "pinball_90", "poisson_deviance",
	},
	Binary: {
		"log_loss", "roc_auc", "average_precision", "brier", "ece", "accuracy", "balanced_accuracy", "precision", "recall", "f1", "mcc",
	},
	Multiclass: {
		"log_loss", "accuracy", "balanced_accuracy", "top_3_accuracy", "macro_roc_auc", "macro_f1", "macro_precision", "macro_recall",
		"micro_f1", "weighted_f1", "weighted_precision", "weighted_recall", "ece",
	},
}

// The metrics that only judge a model that was chosen, because they need a
// threshold that is chosen after it.
var judged = map[Task][]string{
	Binary: {"cost", "accuracy_at_threshold", "precision_at_threshold", "recall_at_threshold", "f1_at_threshold"},
}

// Metrics returns the metrics by which a model of the task can be chosen, the
// default one first.
func Metrics(task Task) []string { return slices.Clone(metrics[task]) }

// GateMetrics returns Metrics and those that gates alone can name.
func GateMetrics(task Task) []string { return slices.Concat(metrics[task], judged[task]) }

// LowerIsBetter reports whether less of the metric is better.
func LowerIsBetter(metric string) bool {
	switch metric {
	case "rmse", "mae", "mape", "smape", "median_absolute_error", "max_error", "pinball_10", "pinball_50", "pinball_90", "poisson_deviance",
		"log_loss", "brier", "ece", "cost", "model_size_kb", "latency_p50_us", "latency_p95_us",
		"demographic_parity_difference", "equalized_odds_difference", "error_difference":
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

// estimated are the metrics that are told without labels: confidence-based of classes,
// by a model of the loss of a regression. drift computes them.
var estimated = map[Task][]string{
	Regression: {"rmse", "mae"},
	Binary:     {"log_loss", "roc_auc", "average_precision", "brier", "accuracy", "precision", "recall", "f1"},
	Multiclass: {"log_loss", "accuracy", "macro_roc_auc", "macro_f1", "macro_precision", "macro_recall"},
}

// EstimatedMetrics lists the metrics of a task that estimated_performance may name.
func EstimatedMetrics(t Task) []string { return slices.Clone(estimated[t]) }
