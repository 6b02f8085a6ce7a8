package artifact

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/minio/minio-go/v7"

	"github.com/esteira-ml/esteira/internal/fault"
)

// refused lists answers that the same request will get again.
var refused = map[string]string{
	"AccessDenied":          "check the access key's permissions",
	"AccountProblem":        "check the account",
	"InvalidAccessKeyId":    "check AWS_ACCESS_KEY_ID",
	"InvalidToken":          "check AWS_SESSION_TOKEN",
	"RequestTimeTooSkewed":  "set this machine's clock",
	"SignatureDoesNotMatch": "check AWS_SECRET_ACCESS_KEY and AWS_REGION",
	"InvalidBucketName":     "check ESTEIRA_BUCKET",
	"BucketAlreadyExists":   "choose another ESTEIRA_BUCKET: this one belongs to someone else",
	"NoSuchBucket":          "check ESTEIRA_BUCKET; it is made when a program starts",
}

// classify gives err of an operation its kind; missing is the kind of an object
// that is not there.
func classify(ctx context.Context, err error, missing fault.Kind, operation, name string) error {
	if err == nil || fault.KindOf(err) != "" {
		return err
	}
	if cause := ctx.Err(); cause != nil {
		// The caller gave up: that is not the store's outage.
		return fmt.Errorf("%s %s: %w", operation, name, cause)
	}
	var answer minio.ErrorResponse
	if !errors.As(err, &answer) || answer.StatusCode == 0 {
		return fault.Wrap(err, fault.StoreUnavailable, "%s %s", operation, name).WithRemedy("check that the object store runs: esteira doctor")
	}
	status := answer.StatusCode
	remedy, hopeless := refused[answer.Code]
	switch {
	case answer.Code == minio.NoSuchKey || (status == http.StatusNotFound && !hopeless) || (hopeless && answer.Code == minio.NoSuchBucket && missing == fault.SourceNotFound):
		return fault.Wrap(err, missing, "%s %s", operation, name)
	case hopeless || status == http.StatusForbidden || status == http.StatusUnauthorized:
		if remedy == "" {
			remedy = "check the access key's permissions"
		}
		return fault.Wrap(err, fault.ConfigInvalid, "%s %s: %s", operation, name, answer.Code).WithRemedy("%s", remedy)
	case status >= 500 || status == http.StatusTooManyRequests || status == http.StatusRequestTimeout || status == http.StatusConflict:
		return fault.Wrap(err, fault.StoreUnavailable, "%s %s: %s", operation, name, answer.Code)
	}
	return fault.Wrap(err, fault.Internal, "%s %s: the store answered %d %s", operation, name, status, answer.Code)
}
