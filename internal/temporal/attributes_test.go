package temporal

import (
	"context"
	"crypto/rand"
	"testing"
	"time"

	"github.com/rs/zerolog"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/operatorservice/v1"

	"github.com/esteira-ml/esteira/internal/config"
	"github.com/esteira-ml/esteira/internal/fault"
)

// A new attribute, so that waiting is put to the test; its column is given back.
func TestBootstrapCreatesAndAwaits(t *testing.T) {
	c, err := config.Load()
	if err != nil {
		t.Fatal(err)
	}
	connected, err := Dial(t.Context(), c, zerolog.Nop())
	if err != nil {
		t.Fatalf("%v; run the tests with make test, or start the local stack with make up", err)
	}
	t.Cleanup(connected.Close)
	namespace, err := namespaceOf(connected)
	if err != nil || namespace != "default" {
		t.Fatal(namespace, err)
	}
	name := "EsteiraTest" + rand.Text()
	wanted := map[string]enumspb.IndexedValueType{name: enumspb.INDEXED_VALUE_TYPE_BOOL}
	short, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if err := awaitAttributes(short, connected, wanted); fault.KindOf(err) != fault.TemporalUnavailable {
		t.Fatal("an attribute nobody created counts as usable", err)
	}
	t.Cleanup(func() {
		_, err := connected.OperatorService().RemoveSearchAttributes(context.Background(), &operatorservice.RemoveSearchAttributesRequest{Namespace: namespace, SearchAttributes: []string{name}})
		if err != nil {
			t.Error(err)
		}
	})
	for range 2 {
		if err := bootstrap(t.Context(), connected, namespace, wanted); err != nil {
			t.Fatal(err)
		}
	}
	wanted[name] = enumspb.INDEXED_VALUE_TYPE_DOUBLE
	if err := bootstrap(t.Context(), connected, namespace, wanted); fault.KindOf(err) != fault.ConfigInvalid {
		t.Fatal(err)
	}
}
