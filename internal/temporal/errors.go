package temporal

import (
	"context"
	"errors"
	"fmt"

	"go.temporal.io/api/serviceerror"

	"github.com/esteira-ml/esteira/internal/fault"
)

// classify gives an error of Temporal's client its kind.
func classify(err error, operation string) error {
	var (
		denied    *serviceerror.PermissionDenied
		namespace *serviceerror.NamespaceNotFound
		notFound  *serviceerror.NotFound
		invalid   *serviceerror.InvalidArgument
	)
	switch {
	case err == nil || fault.KindOf(err) != "":
		return err
	case errors.Is(err, context.Canceled):
		return fmt.Errorf("%s: %w", operation, err)
	case errors.As(err, &denied):
		return fault.Wrap(err, fault.ConfigInvalid, "%s", operation).WithRemedy("check TEMPORAL_API_KEY or the client certificate")
	case errors.As(err, &namespace):
		return fault.Wrap(err, fault.ConfigInvalid, "%s", operation).WithRemedy("check TEMPORAL_NAMESPACE")
	case errors.As(err, &notFound):
		return fault.Wrap(err, fault.NotFound, "%s", operation)
	case errors.As(err, &invalid):
		return fault.Wrap(err, fault.ConfigInvalid, "%s", operation)
	}
	return fault.Wrap(err, fault.TemporalUnavailable, "%s", operation).WithRemedy("check that Temporal runs: esteira doctor")
}
