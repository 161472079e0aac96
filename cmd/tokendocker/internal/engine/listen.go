package engine

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/door"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/sandbox"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/state"
)

// A Unix socket's path ends at 107 bytes on Linux (unix(7)); a state folder that is deeper gets its sockets elsewhere.
const longestSocketDir = 107 - len("/docker.sock")

// listeners are the ways in: loopback for functions and clients of this machine, sockets for containers.
type listeners struct {
	authority *door.Authority
	sockets   string // folder of the sockets
	address   string // "http://127.0.0.1:port"
	port      int    // of that
	remove    func() error
	servers   []*http.Server
	done      chan error
}

func listen(ctx context.Context, store *state.Store, port int, front http.Handler, authority *door.Authority) (*listeners, error) {
	l := &listeners{authority: authority, done: make(chan error, 3)}
	dir, remove, err := socketDir(store, "sockets")
	if err != nil {
		return nil, err
	}
	l.sockets, l.remove = dir, remove
	tcp, err := new(net.ListenConfig).Listen(ctx, "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		return nil, fmt.Errorf("listen on loopback: %w", err)
	}
	l.address = "http://" + tcp.Addr().String()
	l.port = tcp.Addr().(*net.TCPAddr).Port //nolint:forcetypeassert // that is what listening on tcp gives
	l.serve(tcp, front)
	plain, err := listenUnix(ctx, filepath.Join(dir, sandbox.HTTPSocket))
	if err != nil {
		return nil, errors.Join(err, l.Close())
	}
	l.serve(plain, front)
	secure, err := listenUnix(ctx, filepath.Join(dir, sandbox.HTTPSSocket))
	if err != nil {
		return nil, errors.Join(err, l.Close())
	}
	l.serve(tls.NewListener(secure, authority.Config()), front)
	return l, nil
}

// socketDir returns a folder for sockets, and what removes it where that is not the state folder's own.
func socketDir(store *state.Store, name string) (dir string, remove func() error, err error) {
	remove = func() error { return nil }
	if dir, err = store.Dir(name); err != nil || len(dir) <= longestSocketDir {
		return dir, remove, err
	}
	if dir, err = os.MkdirTemp("", "tokendocker-"); err != nil {
		return "", remove, fmt.Errorf("make folder for sockets: %w", err)
	}
	return dir, func() error { return os.RemoveAll(dir) }, nil
}

func listenUnix(ctx context.Context, path string) (net.Listener, error) {
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("remove old socket: %w", err)
	}
	l, err := new(net.ListenConfig).Listen(ctx, "unix", path)
	if err != nil {
		return nil, fmt.Errorf("listen for containers: %w", err)
	}
	return l, nil
}

func (l *listeners) serve(from net.Listener, front http.Handler) {
	s := &http.Server{Handler: front, ReadHeaderTimeout: time.Minute, ErrorLog: log.New(io.Discard, "", 0)}
	l.servers = append(l.servers, s)
	go func() { l.done <- s.Serve(from) }()
}

// Close stops listening and cuts what is still open.
func (l *listeners) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	var failed []error
	for _, s := range l.servers {
		if s.Shutdown(ctx) != nil {
			failed = append(failed, s.Close())
		}
	}
	for range l.servers {
		if err := <-l.done; !errors.Is(err, http.ErrServerClosed) {
			failed = append(failed, err)
		}
	}
	return errors.Join(append(failed, l.remove())...)
}

func shortHash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:6])
}
