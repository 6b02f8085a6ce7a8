package tree

// Loss is what is minimised.
type Loss string

// The losses: of regression, of two classes, of more.
const (
	Squared  Loss = "squared"
	Absolute Loss = "absolute"
	Huber    Loss = "huber"
	Quantile Loss = "quantile"
	Poisson  Loss = "poisson"
	Logistic Loss = "logistic"
	Softmax  Loss = "softmax"
)

// Settings decide a fit besides its data. Every field is required, in the range
// its learner has checked; a name in brackets is the one XGBoost or LightGBM has.
type Settings struct {
	CatL2           float64 // added to L2 where a set of categories splits (cat_l2)
	CatSmooth       float64 // added to a category's hessian when they are put in order (cat_smooth)
	Classes         int     // of Logistic (2) and Softmax
	ColsampleByNode float64 // share of columns a node may split on (colsample_bynode)
	ColsampleByTree float64 // share of columns a tree may split on (colsample_bytree)
	EarlyStopping   int     // rounds without a better loss on the rows held out after which to stop; 0: never (early_stopping_rounds)
	HuberDelta      float64 // residual from which Huber is linear
	L1, L2          float64 // penalties of a leaf's weight (reg_alpha, reg_lambda)
	LearningRate    float64 // (eta)
	LeafWise        bool    // split the best leaf first, not level by level (grow_policy)
	Loss            Loss
	MaxBins         int     // 2 … MaxBins (max_bin)
	MaxCatThreshold int     // categories on the smaller side of a split (max_cat_threshold)
	MaxDepth        int     // at least 1
	MaxLeaves       int     // at least 2 (num_leaves)
	MinChildWeight  float64 // sum of hessians of a leaf (min_sum_hessian_in_leaf)
	MinSamplesLeaf  int     // rows of a leaf, at least 1 (min_data_in_leaf)
	MinSplitGain    float64 // loss a split must save (gamma)
	Monotone        []int   // by feature of the matrix: 1, -1 or 0; nil: none
	Quantile        float64 // level of Quantile, between 0 and 1
	Rounds          int     // trees of each output (n_estimators)
	Seed            int64
	Subsample       float64 // share of rows a tree is grown on
}

// sampled reports whether rounds differ by what they draw.
func (s *Settings) sampled() bool {
	return s.Subsample < 1 || s.ColsampleByTree < 1 || s.ColsampleByNode < 1
}
