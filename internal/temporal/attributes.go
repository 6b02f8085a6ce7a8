package temporal

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"github.com/esteira-ml/esteira/internal/fault"
)

// The search attributes of a run. Postgres visibility has room for ten of
// Keyword and three of Double.
var (
	Pipeline     = temporal.NewSearchAttributeKeyKeyword("EsteiraPipeline")
	Step         = temporal.NewSearchAttributeKeyKeyword("EsteiraStep")
	Trigger      = temporal.NewSearchAttributeKeyKeyword("EsteiraTrigger")
	Decision     = temporal.NewSearchAttributeKeyKeyword("EsteiraDecision")
	Dataset      = temporal.NewSearchAttributeKeyKeyword("EsteiraDataset")
	ModelVersion = temporal.NewSearchAttributeKeyKeyword("EsteiraModelVersion")
	Endpoint     = temporal.NewSearchAttributeKeyKeyword("EsteiraEndpoint")
	Score        = temporal.NewSearchAttributeKeyFloat64("EsteiraScore")
)

func attributes() map[string]enumspb.IndexedValueType {
	out := map[string]enumspb.IndexedValueType{}
	for _, key := range []temporal.SearchAttributeKey{Pipeline, Step, Trigger, Decision, Dataset, ModelVersion, Endpoint, Score} {
		out[key.GetName()] = key.GetValueType()
	}
	return out
}

// AttributeNames lists the search attributes of a run, sorted.
func AttributeNames() []string { return slices.Sorted(maps.Keys(attributes())) }

// bootstrapTimeout bounds the wait: the servers' caches refresh within seconds.
const bootstrapTimeout = 2 * time.Minute

// Bootstrap creates the search attributes the namespace lacks and returns once
// a workflow may carry them and a query name them. It may run in several
// programs at once. An attribute of our name and another type is ConfigInvalid.
func Bootstrap(ctx context.Context, c client.Client) error {
	namespace, err := namespaceOf(c)
	if err != nil {
		return err
	}
	return bootstrap(ctx, c, namespace, attributes())
}

// Namespace is that of a client, for requests that it does not fill in.
func Namespace(c client.Client) (string, error) { return namespaceOf(c) }

// namespaceOf asks the client for its namespace the only way there is: requests
// that leave it empty are filled in.
func namespaceOf(c client.Client) (string, error) {
	request := &workflowservice.CountWorkflowExecutionsRequest{Query: "WorkflowId = ''"}
	ctx, cancel := context.WithTimeout(context.Background(), dialTimeout)
	defer cancel()
	if _, err := c.CountWorkflow(ctx, request); err != nil {
		return "", classify(err, "ask Temporal about runs")
	}
	if request.Namespace == "" {
		return "", fault.New(fault.Internal, "the client does not tell its namespace")
	}
	return request.Namespace, nil
}

func bootstrap(ctx context.Context, c client.Client, namespace string, wanted map[string]enumspb.IndexedValueType) error {
	ctx, cancel := context.WithTimeout(ctx, bootstrapTimeout)
	defer cancel()
	missing, err := missingAttributes(ctx, c, namespace, wanted)
	if err != nil {
		return err
	}
	if len(missing) > 0 {
		_, err := c.OperatorService().AddSearchAttributes(ctx, &operatorservice.AddSearchAttributesRequest{Namespace: namespace, SearchAttributes: missing})
		var exists *serviceerror.AlreadyExists
		if err != nil && !errors.As(err, &exists) {
			return classify(err, "create search attributes in namespace "+namespace)
		}
	}
	return awaitAttributes(ctx, c, wanted)
}

func missingAttributes(ctx context.Context, c client.Client, namespace string, wanted map[string]enumspb.IndexedValueType) (map[string]enumspb.IndexedValueType, error) {
	have, err := c.OperatorService().ListSearchAttributes(ctx, &operatorservice.ListSearchAttributesRequest{Namespace: namespace})
	if err != nil {
		return nil, classify(err, "list the search attributes of namespace "+namespace)
	}
	missing := map[string]enumspb.IndexedValueType{}
	for name, kind := range wanted {
		switch found, ok := have.GetCustomAttributes()[name]; {
		case !ok:
			missing[name] = kind
		case found != kind:
			return nil, fault.New(fault.ConfigInvalid, "search attribute %s of namespace %s is of type %s, not %s", name, namespace, found, kind).
				WithRemedy("remove it with: temporal operator search-attribute remove --name %s", name)
		}
	}
	return missing, nil
}

// awaitAttributes asks until a query over all of them is understood several
// times in a row: each frontend learns of a new attribute by itself.
func awaitAttributes(ctx context.Context, c client.Client, wanted map[string]enumspb.IndexedValueType) error {
	query := ""
	for _, name := range slices.Sorted(maps.Keys(wanted)) {
		if query != "" {
			query += " AND "
		}
		query += fmt.Sprintf("`%s` IS NULL", name)
	}
	query += " AND WorkflowId = ''"
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for understood := 0; understood < 3; {
		_, err := c.CountWorkflow(ctx, &workflowservice.CountWorkflowExecutionsRequest{Query: query})
		var invalid *serviceerror.InvalidArgument
		switch {
		case err == nil:
			understood++
			continue
		case !errors.As(err, &invalid) && ctx.Err() == nil:
			return classify(err, "ask whether the search attributes can be used")
		}
		understood = 0
		select {
		case <-ctx.Done():
			return fault.Wrap(err, fault.TemporalUnavailable, "the search attributes were created but cannot be used yet").WithRemedy("try again in a minute")
		case <-tick.C:
		}
	}
	return nil
}
