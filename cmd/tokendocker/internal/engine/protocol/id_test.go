package protocol_test

import (
	"regexp"
	"testing"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
)

func TestIDs(t *testing.T) {
	form := regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
	ids := []string{protocol.NewID(), protocol.NewID(), protocol.StableID("a", "b"), protocol.StableID("ab"), protocol.StableID("a")}
	seen := map[string]bool{}
	for _, id := range ids {
		if !form.MatchString(id) || seen[id] {
			t.Errorf("%q is no UUID, or stands there twice: %q", id, ids)
		}
		seen[id] = true
	}
	if protocol.StableID("a", "b") != ids[2] {
		t.Error("the same words give another id")
	}
}
