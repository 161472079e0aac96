package sandbox

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
)

// The names of the engine's sockets in Config.Sockets.
const (
	// HTTPSSocket gets what comes to port 443 of an AWS host: TLS, as the client sent it.
	HTTPSSocket = "https.sock"
	// HTTPSocket gets what comes to port 80.
	HTTPSocket = "http.sock"
)

// MirrorHost is the registry host that BuildKit and the docker daemon ask for Docker Hub's images when Config.Mirror is
// set. Inside the sandbox it leads to the engine's sockets.
const MirrorHost = "mirror.tokendocker.internal"

// DefaultBuildKitImage is the image that buildx's docker-container driver asks for where the builder names none.
const DefaultBuildKitImage = "moby/buildkit:buildx-stable-1"

// A Config says what the sandbox of one state folder looks like.
type Config struct {
	// State names the state folder in every label and object name: 1 to 40 of a-z, 0-9 and hyphens.
	State string
	// Dir is a folder of the sandbox's own in the state folder; it is made when missing.
	Dir string
	// Sockets is the folder that holds HTTPSSocket and HTTPSocket. The sockets may appear at any time before the first
	// request; the folder must exist at Start, and the docker daemon's root user must be able to open it.
	Sockets string
	// CA is the certificate, in PEM, that signed what the engine shows behind HTTPSSocket.
	CA []byte
	// ECRHosts are registry hosts that BuildKit must trust although it was pulled from elsewhere or runs with
	// settings of its own. The sandbox's own BuildKit image trusts CA for every host.
	ECRHosts []string
	// Mirror says that MirrorHost serves Docker Hub's images.
	Mirror bool
	// Loopback is the port of this machine's 127.0.0.1 at which the engine speaks HTTP. The same address leads there from
	// build containers, so that URLs that the engine has given to functions work in builds too: they may be handed on. 0: none.
	Loopback int
	// BuildKitImages are the names under which the daemon finds BuildKit's image. Default: DefaultBuildKitImage.
	BuildKitImages []string
	// Image is the sandbox image. Default: the installed one.
	Image string
	// Log receives progress, a line at a time. Nil: nobody does.
	Log func(line string)
}

var stateID = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,39}$`)

func (c *Config) complete() error {
	if !stateID.MatchString(c.State) {
		return fmt.Errorf("the sandbox's state id %q is not 1 to 40 of a-z, 0-9 and hyphens", c.State)
	}
	if len(c.CA) == 0 {
		return errors.New("the sandbox needs the engine's CA certificate")
	}
	for name, dir := range map[string]*string{"folder": &c.Dir, "socket folder": &c.Sockets} {
		if *dir == "" {
			return fmt.Errorf("the sandbox's %s is not set", name)
		}
		absolute, err := filepath.Abs(*dir)
		if err != nil {
			return err
		}
		*dir = absolute
	}
	if len(c.BuildKitImages) == 0 {
		c.BuildKitImages = []string{DefaultBuildKitImage}
	}
	if c.Log == nil {
		c.Log = func(string) {}
	}
	return nil
}

// An Installation is what scripts/setup made for this user.
type Installation struct {
	// Image is the sandbox image's name in the docker daemon.
	Image string `json:"image"`
	// Mirror is the storage folder (distribution's file system driver) of the mirror of Docker Hub, and empty on a
	// machine that reaches Docker Hub itself.
	Mirror string `json:"mirror"`
	// Bin is the folder of the programs that setup made; qemu-aarch64-static is one on machines that are not arm64.
	Bin string `json:"bin"`
	// SDK is the folder whose node_modules holds the AWS SDK that Lambda's Node.js runtimes bring.
	SDK string `json:"sdk"`
}

// Installed reads the user's installation. Its error says how to make one.
func Installed() (Installation, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return Installation{}, err
	}
	file := filepath.Join(cache, "tokendocker", "sandbox.json")
	text, err := os.ReadFile(file)
	if errors.Is(err, os.ErrNotExist) {
		return Installation{}, errors.New("the sandbox is not set up on this machine; run: scripts/setup")
	}
	var i Installation
	if err == nil {
		err = json.Unmarshal(text, &i)
	}
	if err != nil {
		return Installation{}, fmt.Errorf("reading %s: %w; run: scripts/setup", file, err)
	}
	return i, nil
}
