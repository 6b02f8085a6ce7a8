package external

import (
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/esteira-ml/esteira/internal/artifact"
	"github.com/esteira-ml/esteira/internal/fault"
)

// MaxReport bounds a trainer's report, in bytes.
const MaxReport = 4 << 20

// reportTypes are what a report may be, and what it is kept as.
var reportTypes = map[string]string{
	"text/html":        artifact.MediaTypeHTML,
	"text/markdown":    "text/markdown; charset=utf-8",
	"application/json": artifact.MediaTypeJSON,
}

// ReportUpload is where a report of the fit goes, if the trainer likes to write one.
type ReportUpload struct {
	PutURL     string   `json:"put_url" jsonschema:"required" jsonschema_description:"PUT writes the object; again overwrites it. A credential: do not log it."`
	MaxBytes   int64    `json:"max_bytes" jsonschema:"required,minimum=1"`
	MediaTypes []string `json:"media_types" jsonschema:"required,minItems=1" jsonschema_description:"What it may be, in UTF-8."`
}

// DeliveredReport says what was written to ReportUpload.
type DeliveredReport struct {
	SHA256    string `json:"sha256" jsonschema:"required,pattern=^[0-9a-f]{64}$"`
	Bytes     int64  `json:"bytes" jsonschema:"required,minimum=1"`
	MediaType string `json:"media_type" jsonschema:"required,enum=text/html,enum=text/markdown,enum=application/json"`
}

// ReportAt asks for a report, if the trainer likes, at an address.
func ReportAt(address string) *ReportUpload {
	return &ReportUpload{PutURL: address, MaxBytes: MaxReport, MediaTypes: []string{"text/html", "text/markdown", "application/json"}}
}

func (r *DeliveredReport) check() error {
	switch {
	case r == nil:
		return nil
	case !digest(r.SHA256):
		return wrong("report.sha256 is not 64 hexadecimal digits")
	case r.Bytes <= 0:
		return wrong("report.bytes is %d, not above 0", r.Bytes)
	case reportTypes[r.MediaType] == "":
		return wrong("report.media_type is none of text/html, text/markdown and application/json")
	}
	return nil
}

// Take holds what was written against what the trainer says of it, nil being
// nothing, and returns the media type it may be kept and shown as. The error,
// TrainingFailed, says why it may not.
func (r *DeliveredReport) Take(body []byte) (mediaType string, err error) {
	switch {
	case body == nil:
		return "", fault.New(fault.TrainingFailed, "the trainer says that it wrote one, and there is none")
	case artifact.DigestOf(body) != r.SHA256 || int64(len(body)) != r.Bytes:
		return "", fault.New(fault.TrainingFailed, "the trainer wrote %d bytes that are not the %d it says they are", len(body), r.Bytes)
	case !utf8.Valid(body) || slices.Contains(body, 0):
		return "", fault.New(fault.TrainingFailed, "it is no text in UTF-8")
	}
	return reportTypes[r.MediaType], nil
}

func digest(s string) bool { return len(s) == 64 && strings.Trim(s, "0123456789abcdef") == "" }
