package engine

import (
	"net/http"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/codebuild"
)

// lendCredentials answers builds that ask for their role's credentials, whichever account they run in.
func (e *Engine) lendCredentials() {
	e.door.Host(codebuild.CredentialsHost, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for _, a := range e.accounts {
			if a.codebuild.ServeCredentials(w, r) {
				return
			}
		}
		http.NotFound(w, r)
	}))
}
