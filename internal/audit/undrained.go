package audit

import "context"

// Undrained gives each the records that are on disk and not in the table, in their
// order, in batches that are valid until each returns. It takes nothing away.
func (s *Spool) Undrained(ctx context.Context, each func([]Record) error) error {
	s.drainMu.Lock()
	defer s.drainMu.Unlock()
	s.mu.Lock()
	segments := make([]segment, len(s.segments))
	for i, seg := range s.segments {
		segments[i] = *seg
	}
	s.mu.Unlock()
	var into room
	for i := range segments {
		for seg := &segments[i]; seg.drained < seg.size; {
			if err := ctx.Err(); err != nil {
				return err
			}
			c, err := s.readAt(seg, &into, seg.drained, seg.size, 1000, func([]byte, error) error { return nil })
			if err != nil {
				return err
			}
			if c == nil {
				break // damage, which the drain sets aside
			}
			seg.drained = c.end
			if err := each(c.records); err != nil {
				return err
			}
		}
	}
	return nil
}
