package registry_test

import (
	"encoding/json"
	"net/http/httptest"
	"testing"

	"github.com/distribution/distribution/v3/configuration"
	"github.com/distribution/distribution/v3/registry/handlers"
	"github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/registry"
)

// seed puts an image into a folder as the distribution registry's own program does.
func seed(t *testing.T, dir, reference string, img v1.Image) {
	t.Helper()
	cfg := &configuration.Configuration{Storage: configuration.Storage{
		"filesystem": {"rootdirectory": dir}, "maintenance": {"uploadpurging": map[any]any{"enabled": false}},
	}}
	s := httptest.NewTLSServer(handlers.NewApp(t.Context(), cfg))
	defer s.Close()
	err := remote.Write(ref(t, registry.MirrorHost+"/"+reference), img, remote.WithTransport(clientTo(s).Transport))
	if err != nil {
		t.Fatal(err)
	}
}

func asJSON(t *testing.T, v any) string {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

func fromJSON(t *testing.T, v, into any) {
	t.Helper()
	if err := json.Unmarshal([]byte(asJSON(t, v)), into); err != nil {
		t.Fatal(err)
	}
}
