package table

// HashAtOnce has Suspects hold no more hashes than rows until restore is called.
func HashAtOnce(rows int64) (restore func()) {
	was := hashedAtOnce
	hashedAtOnce = rows
	return func() { hashedAtOnce = was }
}
