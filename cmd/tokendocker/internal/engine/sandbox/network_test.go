package sandbox_test

import (
	"net"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestAWSNamesLeadToTheEngine(t *testing.T) {
	t.Parallel()
	c := newBuild(t)
	for _, url := range []string{
		"https://a.bucket.s3.eu-west-1.amazonaws.com/key", "https://sts.amazonaws.com/", "https://ecr.cn-north-1.amazonaws.com.cn/",
		"https://lambda.us-east-1.api.aws/", "https://public.ecr.aws/v2/", "http://cloudformation-custom-resource-response.s3.amazonaws.com/x",
		"http://127.0.0.1:4566/loopback", // as functions of this machine call the engine
		"http://169.254.170.2/v2/credentials/x",
	} {
		scheme, rest, _ := strings.Cut(url, "://")
		host, path, _ := strings.Cut(rest, "/")
		want := "engine: tls=false host=" + host + " path=/" + path + "\n"
		if scheme == "https" {
			want = strings.Replace(want, "false", "true", 1)
		}
		if got := mustBash(t, c, `curl -sS --max-time 10 "$1"`, url); got != want {
			t.Errorf("%s: got %q, want %q", url, got, want)
		}
	}
	// Debian's aws command knows no AWS_ENDPOINT_URL; it needs the real names.
	_, out := bash(t, c, "AWS_ACCESS_KEY_ID=a AWS_SECRET_ACCESS_KEY=b aws ecr describe-repositories --region ap-south-1 2>&1")
	shared.outside.mu.Lock()
	seen := slices.Clone(shared.outside.seen)
	shared.outside.mu.Unlock()
	if !slices.Contains(seen, "api.ecr.ap-south-1.amazonaws.com") {
		t.Errorf("the aws command did not reach the engine: %s", out)
	}
}

func TestAWSNamesInsideTheBuildDaemon(t *testing.T) {
	t.Parallel()
	c := newBuild(t)
	out := mustBash(t, c, `mkdir -p /codebuild/n; cd /codebuild/n; echo mounted > file
docker run --rm -v "$PWD":/x busybox sh -c 'cat /x/file; wget -q -O - http://sts.eu-central-1.amazonaws.com/inner' 2>/dev/null
docker buildx create --name net --driver docker-container --use >/dev/null
printf 'FROM busybox\nRUN wget -q -O /out http://sts.eu-central-1.amazonaws.com/run\nFROM scratch\nCOPY --from=0 /out /\n' > Dockerfile
docker buildx build --progress=quiet -o . . >/dev/null; cat out
docker buildx rm net >/dev/null 2>&1`)
	want := "mounted\n" + "engine: tls=false host=sts.eu-central-1.amazonaws.com path=/inner\n" + "engine: tls=false host=sts.eu-central-1.amazonaws.com path=/run\n"
	if out != want {
		t.Errorf("got %q, want %q", out, want)
	}
}

// TestOtherNamesAreForwarded asks for a name outside: the answer is that of this machine, which may be that there is none.
func TestOtherNamesAreForwarded(t *testing.T) {
	t.Parallel()
	c := newBuild(t)
	const name = "example.com"
	wanted, err := net.DefaultResolver.LookupNetIP(t.Context(), "ip4", name)
	start := time.Now()
	code, out := bash(t, c, "getent ahostsv4 "+name)
	t.Logf("this machine: %v, %v; sandbox: exit code %d, %q", wanted, err, code, out)
	if err != nil {
		if code == 0 {
			t.Errorf("%s resolves in the sandbox only: %s", name, out)
		}
		return
	}
	if code != 0 || time.Since(start) > 10*time.Second {
		t.Errorf("%s resolves on this machine (%v) and not in the sandbox (%q, %v)", name, wanted, out, time.Since(start))
	}
}

// TestDNS asks the gateway itself, over UDP and TCP, for a claimed name and for one that it must ask docker's DNS for.
func TestDNS(t *testing.T) {
	t.Parallel()
	c := newBuild(t)
	out := mustBash(t, c, `python3 - "$1" <<'EOT'
import socket, struct, sys
gateway, engine = socket.gethostbyname("sts.amazonaws.com"), sys.argv[1]

def udp(query):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.settimeout(5)
    s.sendto(query, (gateway, 53))
    return s.recv(4096)

stream = socket.create_connection((gateway, 53), 5)
def tcp(query):
    stream.sendall(struct.pack(">H", len(query)) + query)
    return stream.recv(struct.unpack(">H", stream.recv(2))[0])

for ask in udp, tcp:
    for name in "sts.amazonaws.com", engine, "nonesuch." + engine:
        labels = b"".join(bytes([len(l)]) + l.encode() for l in name.split("."))
        reply = ask(struct.pack(">HHHHHH", 9, 256, 1, 0, 0, 0) + labels + b"\0" + struct.pack(">HH", 1, 1))
        answers, code = struct.unpack(">H", reply[6:8])[0], reply[3] & 15
        want = None if name.startswith("nonesuch") else socket.gethostbyname(name)
        got = socket.inet_ntoa(reply[-4:]) if answers and code == 0 else None
        print(ask.__name__, "ok" if got == want else (name, got, want, code))
EOT`, "tokendocker-"+shared.state+"-engine")
	if want := strings.Repeat("udp ok\n", 3) + strings.Repeat("tcp ok\n", 3); out != want {
		t.Errorf("got %q", out)
	}
}

func TestInstanceMetadataIsOutOfReach(t *testing.T) {
	t.Parallel()
	c := newBuild(t)
	for _, script := range []string{
		"curl -sS --max-time 5 http://169.254.169.254/latest/meta-data/ 2>&1",
		"curl -sS --max-time 5 http://169.254.170.23/v1/credentials 2>&1",
		"curl -sSk --max-time 5 https://169.254.170.2/ 2>&1",
		"docker run --rm busybox wget -T 5 -O - http://169.254.170.2/v2/credentials/ 2>&1",
		"docker run --rm busybox wget -T 5 -O - http://169.254.169.254/ 2>&1",
	} {
		start := time.Now()
		code, out := bash(t, c, script)
		t.Logf("%v: %s", time.Since(start), out)
		if code == 0 || time.Since(start) > 4*time.Second {
			t.Errorf("%s: exit code %d after %v: %s", script, code, time.Since(start), out)
		}
	}
}
