package pipeline

// WithPath returns the source at another path, checked as if the file had said
// so. The format follows the new path's ending, or stays where that does not tell.
// Errors are PipelineInvalid.
func (s Source) WithPath(path string) (Source, error) {
	d := &decoder{faulty: map[string]bool{}}
	if holdsSecret(path) {
		d.add("path", "remove it: workers open stores with the credentials of their own environment", "holds a literal credential")
		return s, asFault(d.mistakes)
	}
	s.Path, s.Postgres, s.Predictions = path, nil, nil
	if format := FormatOf(pathOf(s)); format != "" {
		s.Format = format
	}
	d.checkSource("source", s)
	return s, asFault(d.mistakes)
}
