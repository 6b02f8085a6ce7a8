package audit

import (
	"os"
	"time"
)

// preparer are files that can be made before they are needed; the tests' faulty ones
// are not.
type preparer interface {
	// Prepare makes a new file that begins with head, all of it written and on disk, in
	// no haste until hurry is closed.
	Prepare(name string, head []byte, hurry <-chan struct{}) (file, error)
}

// Prepare implements preparer: a file with its reserve as zeros. They are written in
// small pieces, and the disk is left to the syncs of records for most of the time: at
// once, they held up answers for tens of milliseconds.
func (o osFiles) Prepare(name string, head []byte, hurry <-chan struct{}) (file, error) {
	made, err := o.Create(name)
	if err != nil {
		return nil, err
	}
	f := made.(*osFile)
	if err = f.prepare(head, hurry); err == nil {
		err = o.SyncDir()
	}
	if err != nil {
		_ = f.Close()
		_ = os.Remove(f.Name())
		return nil, err
	}
	return f, nil
}

func (f *osFile) prepare(head []byte, hurry <-chan struct{}) error {
	if _, err := f.Write(head); err != nil {
		return err
	}
	for {
		began := time.Now()
		if err := f.Sync(); err != nil || f.zeroed >= f.reserved {
			return err
		}
		if err := f.zero(); err != nil {
			return err
		}
		select {
		case <-hurry:
		case <-time.After(idle * time.Since(began)):
		}
	}
}

// idle is how many times as long as it takes to write zeros none are written after.
const idle = 8

// upcoming is the segment after the open one. done is closed when file and err are set.
type upcoming struct {
	sequence uint64
	file     file
	err      error
	done     chan struct{}
	hurry    chan struct{} // closed when it is needed
}

// prepare begins to make the next segment, once the open one is half full: a record
// that met the end of a segment waited for a file, its reservation and its directory,
// and one in a thousand for a megabyte of zeros. Of the writer goroutine alone.
func (s *Spool) prepare() {
	p, ok := s.opts.files.(preparer)
	if !ok || s.next != nil {
		return
	}
	n := &upcoming{sequence: s.following(), done: make(chan struct{}), hurry: make(chan struct{})}
	s.next = n
	go func() {
		defer close(n.done)
		n.file, n.err = p.Prepare(segmentName(n.sequence), header(), n.hurry)
	}()
}

// prepared is the next segment's file, if there is one. One that could not be made is
// nothing to anybody: the segment is made when it is needed, and says what is wrong.
func (s *Spool) prepared() *upcoming {
	n := s.next
	if n == nil {
		return nil
	}
	s.next = nil
	close(n.hurry)
	if <-n.done; n.err != nil {
		return nil
	}
	return n
}

// unprepare removes a next segment that is not needed any more.
func (s *Spool) unprepare() {
	if n := s.prepared(); n != nil {
		_ = n.file.Close() // no record is in it: the next start would remove it
		_ = os.Remove(s.pathOf(n.sequence))
	}
}
