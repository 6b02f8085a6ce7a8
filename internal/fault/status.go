package fault

import "net/http"

// Status is the HTTP status that an error of the kind is answered with.
func Status(kind Kind) int {
	switch kind {
	case RequestInvalid, ColumnMissing, TypeMismatch, FeatureInvalid:
		return http.StatusBadRequest
	case IdempotencyConflict:
		return http.StatusUnprocessableEntity
	case EndpointNotFound, NotFound:
		return http.StatusNotFound
	case ResourceExhausted:
		return http.StatusRequestEntityTooLarge
	case Unauthenticated:
		return http.StatusUnauthorized
	case PermissionDenied:
		return http.StatusForbidden
	case DeadlineExceeded:
		return http.StatusGatewayTimeout
	case AuditUnavailable, DatabaseUnavailable, StoreUnavailable, TemporalUnavailable:
		return http.StatusServiceUnavailable
	}
	return http.StatusInternalServerError
}
