package engine

import (
	"context"
	"net/http"
	"net/url"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/ecrpublic"
)

// openGallery makes ECR Public, whose images come from the mirror where there is one.
func (e *Engine) openGallery(context.Context) error {
	room := ecrpublic.New(e.clock)
	var mirror http.Handler
	if e.mirror != nil {
		mirror = e.mirror
	}
	e.door.Register(room)
	e.door.Host(ecrpublic.Host, ecrpublic.NewFront(room, mirror, &url.URL{Scheme: "https", Host: ecrpublic.Host}))
	return nil
}
