package registry

import (
	"context"
	"net/http"
)

// MirrorHost is the host name under which builds find Mirror.
const MirrorHost = "mirror.tokendocker.internal"

// Mirror serves a folder of images read-only and without passwords.
type Mirror struct{ share *share }

// NewMirror returns a handler for the images in dir, which has the layout of the distribution registry's filesystem
// storage. What is not there gets 404, so that a client goes on to the real registry. The context ends its background
// work.
func NewMirror(ctx context.Context, dir string) (*Mirror, error) {
	sh, err := openShare(ctx, dir, true)
	if err != nil {
		return nil, err
	}
	return &Mirror{share: sh}, nil
}

// ServeHTTP answers pulls; everything else gets 405.
func (m *Mirror) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		refuse(w, http.StatusMethodNotAllowed, "UNSUPPORTED", "The mirror is read-only.")
		return
	}
	m.share.app.ServeHTTP(w, r)
}

// Close ends the mirror's background work.
func (m *Mirror) Close() error { return m.share.app.Shutdown() }
