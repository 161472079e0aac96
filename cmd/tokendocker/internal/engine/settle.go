package engine

import (
	"context"
	"slices"
	"time"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/cloudformation"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/session"
)

// settling is how long, in real time, the builds of answered requests get to end.
const settling = 10 * time.Second

// settle waits for the end of the builds that custom resources started.
func (a *account) settle(requests []cloudformation.CustomRequest) {
	ctx, cancel := context.WithTimeout(context.Background(), settling)
	defer cancel()
	a.codebuild.Settle(ctx, func(c session.Cause) bool {
		return slices.ContainsFunc(requests, func(r cloudformation.CustomRequest) bool { return r.RequestID == c.Request.ID })
	})
}
