package sandbox_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/distribution/distribution/v3/configuration"
	"github.com/distribution/distribution/v3/registry/handlers"
	_ "github.com/distribution/distribution/v3/registry/storage/driver/filesystem"
	"github.com/sirupsen/logrus"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/sandbox"
)

const (
	ecrHost  = "123456789012.dkr.ecr.us-east-1.amazonaws.com"
	password = "registry-password"
)

// An outside is what the engine is to the sandbox: behind two sockets, a registry under ECR's name, the mirror, and
// for every other host an answer that says which host and path were asked for.
type outside struct {
	sockets string
	ca      []byte
	key     *ecdsa.PrivateKey
	cert    *x509.Certificate

	mu   sync.Mutex
	seen []string
}

func newOutside(mirror string) (*outside, func(), error) {
	// A socket's path may have 108 bytes, which a test's own folder can exceed.
	dir, err := os.MkdirTemp("", "td-")
	if err != nil {
		return nil, nil, err
	}
	o := &outside{sockets: dir}
	if err := o.makeCA(); err != nil {
		return nil, nil, err
	}
	logrus.SetLevel(logrus.PanicLevel) // the registry logs every first look at an image as an error
	registry := registryAt(filepath.Join(dir, "registry"))
	mux := http.NewServeMux()
	mux.HandleFunc(ecrHost+"/", func(w http.ResponseWriter, r *http.Request) {
		if user, pass, ok := r.BasicAuth(); !ok || user != "AWS" || pass != password {
			w.Header().Set("WWW-Authenticate", `Basic realm="ecr"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		registry.ServeHTTP(w, r)
	})
	if mirror != "" {
		mux.Handle(sandbox.MirrorHost+"/", registryAt(mirror))
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		o.mu.Lock()
		defer o.mu.Unlock()
		o.seen = append(o.seen, r.Host)
		fmt.Fprintf(w, "engine: tls=%t host=%s path=%s\n", r.TLS != nil, r.Host, r.URL.Path)
	})
	// One server each: Serve and ServeTLS of one server race for how it sets HTTP/2 up.
	plainServer := &http.Server{Handler: mux}
	server := &http.Server{Handler: mux, TLSConfig: &tls.Config{GetCertificate: o.certificate}}
	secure, err := net.Listen("unix", filepath.Join(dir, sandbox.HTTPSSocket))
	if err != nil {
		return nil, nil, err
	}
	plain, err := net.Listen("unix", filepath.Join(dir, sandbox.HTTPSocket))
	if err != nil {
		return nil, nil, err
	}
	go func() { _ = server.ServeTLS(secure, "", "") }()
	go func() { _ = plainServer.Serve(plain) }()
	return o, func() { _ = server.Close(); _ = plainServer.Close(); _ = os.RemoveAll(dir) }, nil
}

func registryAt(dir string) http.Handler {
	config := &configuration.Configuration{Storage: configuration.Storage{
		"filesystem":  {"rootdirectory": dir},
		"maintenance": {"uploadpurging": map[any]any{"enabled": false}},
	}}
	config.HTTP.Secret = "secret"
	return handlers.NewApp(context.Background(), config)
}

func (o *outside) makeCA() error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "sandbox test"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return err
	}
	o.key, o.cert = key, template
	o.ca = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	return nil
}

// certificate signs a certificate for whatever host the client named.
func (o *outside) certificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	template := &x509.Certificate{SerialNumber: big.NewInt(time.Now().UnixNano()), DNSNames: []string{hello.ServerName},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, o.cert, o.key.Public(), o.key)
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: o.key}, err
}

func (o *outside) config(t interface{ TempDir() string }, state string, mirror bool) sandbox.Config {
	return sandbox.Config{
		State: state, Dir: filepath.Join(t.TempDir(), "sandbox, with a comma"), Sockets: o.sockets, CA: o.ca,
		ECRHosts: []string{ecrHost}, Mirror: mirror, Loopback: 4566,
	}
}
