package window

import (
	"bytes"
	"encoding/binary"
	"encoding/gob"
	"encoding/json"
	"errors"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/esteira-ml/esteira/internal/drift"
	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/metadata"
)

// counts are what is kept of all requests of an hour.
type counts struct {
	Answered int64         `json:"answered"`
	Service  drift.Service `json:"service"`
}

// part is what is kept of an hour of one model version, rows apart.
type part struct {
	Rows     int64            `json:"rows"`
	Broken   int64            `json:"broken,omitempty"`
	Labelled int64            `json:"labelled,omitempty"`
	Unknown  int64            `json:"unknown,omitempty"`
	Wrong    map[string]int64 `json:"wrong,omitempty"`
	Totals   totals           `json:"totals"`
	Summary  json.RawMessage  `json:"summary"` // drift.Summary, in its canonical JSON
	Errors   []byte           `json:"errors,omitempty"`
}

// Hour ends the collection of one hour of UTC: what AddHour makes of it again what the
// requests were. ok is false if a model version could not be opened, so that nobody
// may keep it. Errors: Internal.
func (c *Collector) Hour() (h metadata.Hour, ok bool, err error) {
	h = metadata.Hour{Begins: c.begins}
	if err := c.finish(); err != nil {
		return h, false, err
	}
	h.Requests, _ = c.service.Requests()
	if h.Counts, err = json.Marshal(counts{c.answered, c.service}); err != nil {
		return h, false, fault.Wrap(err, fault.Internal, "encode the counts of an hour")
	}
	for _, m := range c.ordered() {
		if m.Bundle == nil {
			return h, false, nil
		}
		list, all, err := c.summaries(m)
		if err != nil {
			return h, false, err
		}
		p := part{m.rows, m.broken, m.labelled, m.unknown, m.wrong, m.totals, nil, m.parts[c.begins]}
		if len(list) == 0 {
			all = drift.New(&m.Bundle.Baseline.Layout)
		}
		if p.Summary, err = all.Encode(); err != nil {
			return h, false, err
		}
		one := metadata.HourPart{ModelName: m.Name, ModelVersion: m.Version}
		if one.Part, err = json.Marshal(p); err != nil {
			return h, false, fault.Wrap(err, fault.Internal, "encode an hour of %s@%d", m.Name, m.Version)
		}
		for kind, s := range []*sample{&m.sample, &m.truths} {
			if one.Samples[kind], err = s.encode(); err != nil {
				return h, false, err
			}
		}
		h.Parts = append(h.Parts, one)
	}
	return h, true, nil
}

// AddHour adds an hour within the window that was collected before, whose samples were
// read from the levels on that Levels names. Errors: ArtifactCorrupt for what Hour did
// not write, and open's.
func (c *Collector) AddHour(h metadata.Hour) error {
	corrupt := func(err error) error {
		return fault.Wrap(err, fault.ArtifactCorrupt, "the hour of %s that is kept cannot be read", h.Begins.Format(time.RFC3339))
	}
	var all counts
	if err := json.Unmarshal(h.Counts, &all); err != nil {
		return corrupt(err)
	}
	c.answered += all.Answered
	c.service.Merge(&all.Service)
	for _, kept := range h.Parts {
		m, err := c.model(kept.ModelName, kept.ModelVersion)
		if err != nil {
			return err
		}
		if m.Bundle == nil {
			continue
		}
		var p part
		if err := json.Unmarshal(kept.Part, &p); err != nil {
			return corrupt(err)
		}
		summary, err := drift.Decode(p.Summary, &m.Bundle.Baseline.Layout)
		if err != nil {
			return err
		}
		if err := m.merge(h.Begins.UTC(), summary); err != nil {
			return err
		}
		m.rows, m.broken, m.labelled, m.unknown = m.rows+p.Rows, m.broken+p.Broken, m.labelled+p.Labelled, m.unknown+p.Unknown
		for column, n := range p.Wrong {
			m.wrong[column] += n
		}
		m.totals.add(&p.Totals)
		if p.Errors != nil {
			m.parts[h.Begins.UTC()] = p.Errors
		}
		for kind, s := range []*sample{&m.sample, &m.truths} {
			if err := s.decode(kept.Samples[kind]); err != nil {
				return corrupt(err)
			}
		}
	}
	return nil
}

// Levels says from which level on the samples of each model version in these hours, of
// all rows and of the labelled ones, are wanted: with the rows of the level below they
// would be more than are kept.
func Levels(hours []metadata.Hour) map[metadata.VersionKey][2]int {
	rows, least := map[metadata.VersionKey]*[2][maxLevel + 1]int64{}, map[metadata.VersionKey][2]int{}
	for _, h := range hours {
		for _, p := range h.Parts {
			key := metadata.VersionKey{Name: p.ModelName, Version: p.ModelVersion}
			if rows[key] == nil {
				rows[key] = &[2][maxLevel + 1]int64{}
			}
			from := least[key]
			for kind, s := range p.Samples {
				from[kind] = max(from[kind], s.From)
				for i, level := range s.Levels {
					if level >= 0 && level <= maxLevel {
						rows[key][kind][level] += s.Rows[i]
					}
				}
			}
			least[key] = from
		}
	}
	out := map[metadata.VersionKey][2]int{}
	for key, kinds := range rows {
		var from [2]int
		for kind := range kinds {
			level, total := maxLevel, kinds[kind][maxLevel]
			for ; level > least[key][kind] && total+kinds[kind][level-1] <= maxSampled; level-- {
				total += kinds[kind][level-1]
			}
			from[kind] = level
		}
		out[key] = from
	}
	return out
}

// A sample is kept as blocks, one a level, the highest first, so that the levels from
// one on are its beginning: the length of a block, then its rows, packed.

var (
	packer, _   = zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1))
	unpacker, _ = zstd.NewReader(nil, zstd.WithDecoderConcurrency(0), zstd.WithDecoderMaxMemory(maxBlock))
)

const maxBlock = 256 << 20

func (s *sample) encode() (out metadata.HourSample, err error) {
	out.From = s.level
	rows := s.ordered()
	byLevel := map[int][]int32{}
	for i, id := range rows.IDs {
		level := int(levelOf(id))
		byLevel[level] = append(byLevel[level], int32(i))
	}
	for level := maxLevel; level >= 0; level-- {
		if len(byLevel[level]) == 0 {
			continue
		}
		var b bytes.Buffer
		one := rows.take(byLevel[level])
		compact(one.Rows)
		if err := gob.NewEncoder(&b).Encode(one); err != nil {
			return out, fault.Wrap(err, fault.Internal, "encode rows of an hour")
		}
		packed := packer.EncodeAll(b.Bytes(), nil)
		out.Data = append(binary.AppendUvarint(out.Data, uint64(len(packed))), packed...)
		out.Levels, out.Rows, out.Ends = append(out.Levels, level), append(out.Rows, int64(len(byLevel[level]))), append(out.Ends, int64(len(out.Data)))
	}
	return out, nil
}

// decode adds the blocks that were read.
func (s *sample) decode(kept metadata.HourSample) error {
	for data := kept.Data; len(data) > 0; {
		n, at := binary.Uvarint(data)
		if at <= 0 || n > uint64(len(data)-at) {
			return errors.New("a block of rows is cut off")
		}
		plain, err := unpacker.DecodeAll(data[at:at+int(n)], nil)
		if err != nil {
			return err
		}
		var rows sampled
		if err := gob.NewDecoder(bytes.NewReader(plain)).Decode(&rows); err != nil {
			return err
		}
		if rows.Rows == nil || len(rows.IDs) == 0 || rows.Rows.Rows != len(rows.IDs) || len(rows.At) != len(rows.IDs) || len(rows.Answers)%len(rows.IDs) != 0 || rows.Y != nil && len(rows.Y) != len(rows.IDs) {
			return errors.New("a block of rows has lists of different lengths")
		}
		s.add(rows)
		data = data[at+int(n):]
	}
	if kept.From > s.level { // rows of lower levels were there
		s.level = kept.From
		s.thin()
	}
	return nil
}
