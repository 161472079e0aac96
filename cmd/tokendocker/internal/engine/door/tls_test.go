package door_test

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"testing"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/door"
)

func TestAuthority(t *testing.T) {
	dir := t.TempDir()
	a, err := door.OpenAuthority(dir, "mirror.example")
	if err != nil {
		t.Fatal(err)
	}
	again, err := door.OpenAuthority(dir, "mirror.example")
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(again.PEM()) {
		t.Fatal("the certificate is no PEM")
	}
	listener, err := tls.Listen("tcp", "127.0.0.1:0", a.Config())
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	go func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			go func(c net.Conn) { _ = c.(*tls.Conn).Handshake(); _ = c.Close() }(c)
		}
	}()
	for name, want := range map[string]bool{
		"111122223333.dkr.ecr.eu-west-1.amazonaws.com": true,
		"bucket.s3.cn-north-1.amazonaws.com.cn":        true,
		"public.ecr.aws":                               true,
		"mirror.example":                               true,
		"example.com":                                  false,
		"amazonaws.com.example.com":                    false,
	} {
		c, err := tls.Dial("tcp", listener.Addr().String(), &tls.Config{RootCAs: pool, ServerName: name})
		if (err == nil) != want {
			t.Errorf("%s: %v", name, err)
		}
		if err == nil {
			_ = c.Close()
		}
	}
}
