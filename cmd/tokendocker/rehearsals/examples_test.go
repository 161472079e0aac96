package rehearsals

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/registry"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/report"
)

// example is how a folder of examples/ is rehearsed, and what must have come of it.
type example struct {
	env     settings
	context map[string]string // in the place of the context in its cdk.json
	secrets string            // TOKENDOCKER_REHEARSE_SECRETS
	check   func(*testing.T, *rehearsed, outcome)
}

// examples has a row for each folder; examples/simple has a test of its own.
var examples = map[string]example{
	"simple":             {},
	"multi-image":        {check: severalImages},
	"pull-through-cache": {check: cachedBase},
	"query-interval":     {env: settings{"TOKENDOCKER_REHEARSE_TIME_SCALE=20", "TOKENDOCKER_REHEARSE_FAULTS=replication-delay=100s"}, check: oftenLooked},
	"advanced":           {env: settings{"TOKENDOCKER_REHEARSE_TIME_SCALE=10"}, check: privateConfiguration},
	"cross-region":       {env: settings{"TOKENDOCKER_REHEARSE_TIME_SCALE=10"}, check: functionElsewhere},
	"cross-account":      {check: functionAbroad},
	"private-registry": {
		context: map[string]string{"registry": registry.MirrorHost, "base": "library/busybox:1"},
		secrets: `{"registry-login": {"username": "robot", "password": "hunter2"}}`,
		check:   loggedIn,
	},
}

// TestExamples rehearses every folder of examples/, two at a time.
func TestExamples(t *testing.T) {
	folder, err := filepath.Abs(filepath.Join("..", "..", "..", "examples"))
	must(t, err)
	entries, err := os.ReadDir(folder)
	must(t, err)
	if len(entries) != len(examples) {
		t.Errorf("there are %d examples, and the table has %d", len(entries), len(examples))
	}
	places := make(chan struct{}, 2)
	for _, entry := range entries {
		c, known := examples[entry.Name()]
		switch {
		case !known:
			t.Errorf("examples/%s is rehearsed by no test", entry.Name())
		case c.check != nil:
			t.Run(entry.Name(), func(t *testing.T) {
				t.Parallel()
				places <- struct{}{}
				defer func() { <-places }()
				r := &rehearsed{t: t, app: filepath.Join(folder, entry.Name()), state: filepath.Join(t.TempDir(), "state")}
				c.prepare(r)
				o := r.rehearse(c.env).wantExit(0)
				c.check(t, r, o)
				t.Logf("%.1f s", o.took.Seconds())
			})
		}
	}
}

// prepare gives the app the context and the secrets of the example, whose own folder stays as it is.
func (c *example) prepare(r *rehearsed) {
	r.t.Helper()
	if c.context != nil {
		from := r.app
		r.app = r.t.TempDir()
		raw, err := json.Marshal(map[string]any{"app": fmt.Sprintf("cd %q && go run .", from), "context": c.context})
		must(r.t, err)
		r.write("cdk.json", string(raw))
	}
	if c.secrets != "" {
		file := filepath.Join(r.t.TempDir(), "secrets.json")
		must(r.t, os.WriteFile(file, []byte(c.secrets), 0o600))
		c.env = append(slices.Clone(c.env), "TOKENDOCKER_REHEARSE_SECRETS="+file)
	}
}

// severalImages: three builders share one function and one state machine, each image has its own argument, and one is
// for the other processor.
func severalImages(t *testing.T, _ *rehearsed, o outcome) {
	for kind, want := range map[string]int{"AWS::Lambda::Function": 1, "AWS::StepFunctions::StateMachine": 1, "AWS::ECR::Repository": 3} {
		if got := o.created(kind); got != want {
			t.Errorf("%d of %s, want %d", got, kind, want)
		}
	}
	api, worker, frontend := o.image("MultiImage/ApiImage"), o.image("MultiImage/WorkerImage"), o.image("MultiImage/FrontendImage")
	if got := string(o.file(api, "/www/status.json")); got != "{\"status\": \"up\"}\n" {
		t.Errorf("the API's status is %q", got)
	}
	if queue := o.output("MultiImage", "QueueUrl"); queue == "" || !slices.Contains(o.config(worker).Config.Env, "QUEUE_URL="+queue) {
		t.Errorf("the worker's environment is %v, want QUEUE_URL=%s in it", o.config(worker).Config.Env, queue)
	}
	if url := o.output("MultiImage", "ApiUrl"); url == "" || string(o.file(frontend, "/www/api-url.txt")) != url {
		t.Errorf("the front end knows the API as %q, want %q", o.file(frontend, "/www/api-url.txt"), url)
	}
	if a, f := o.config(api).Architecture, o.config(frontend).Architecture; a != "amd64" || f != "arm64" {
		t.Errorf("the API is for %s, the front end for %s", a, f)
	}
}

// oftenLooked: the replica is there when the stack is done, and the provider has looked every fifteen seconds. A hundred
// seconds hold at most four waits of thirty.
func oftenLooked(t *testing.T, r *rehearsed, o outcome) {
	replica := o.image("QueryInterval/ApiImage")
	replica.URI = o.output("QueryInterval", "Replica")
	if !strings.Contains(replica.URI, ".ecr.eu-west-1.") || !strings.Contains(string(o.file(replica, "/www/index.html")), "two regions") {
		t.Errorf("the replica %s does not hold the page", replica.URI)
	}
	e := r.open()
	defer e.Close(t.Context()) //nolint:errcheck // the test is over
	if waits := strings.Count(logged(t, e, "QueryInterval-"), `"next":"wait"`); waits < 5 || waits > 8 {
		t.Errorf("the provider has waited %d times within 100 seconds, want one wait for each 15 seconds", waits)
	}
}

// privateConfiguration: the image holds what the commands fetched and the argument, and not the tool of the commands.
func privateConfiguration(t *testing.T, _ *rehearsed, o outcome) {
	image := o.image("Advanced/Web")
	if got := string(o.file(image, "/www/settings.json")); got != "{\"theme\": \"dark\", \"language\": \"en\"}\n" {
		t.Errorf("the settings in the image are %q", got)
	}
	if got, url := string(o.file(image, "/www/api-url.txt")), o.output("Advanced", "ApiUrl"); got != url || url == "" {
		t.Errorf("the image knows the API as %q, want %q", got, url)
	}
	if o.has(image, "/www/tools/check-settings") {
		t.Error("the image holds the tool of the commands")
	}
	route, built, service := o.at("Advanced/Vpc/PrivateSubnet1/DefaultRoute"), o.at("Advanced/Web/Build/Default"), o.at("Advanced/Service/Service")
	if route < 0 || built < route || service < built {
		t.Errorf("made in the order route %d, image %d, service %d", route, built, service)
	}
}

// functionAbroad: the function is in the other account, and runs the image of the first one's repository.
func functionAbroad(t *testing.T, r *rehearsed, o outcome) {
	image := o.image("Tools/ApiImage")
	if !strings.HasPrefix(image.URI, "111111111111.dkr.ecr.us-east-1.") || o.at("Workload/Api/Resource") < o.at("Tools/ApiImage/Build/Default") {
		t.Errorf("image %+v", image)
	}
	if o.created("AWS::Lambda::Function") != 2 { // the provider's, and the one that runs the image
		t.Errorf("%d functions", o.created("AWS::Lambda::Function"))
	}
	again := r.rehearse(nil).wantExit(0)
	if again.image("Tools/ApiImage").Built || again.updated("Workload/Api/Resource") {
		t.Error("an unchanged app changes something")
	}
}

// cachedBase: the base image has come through the account's own registry, which keeps it, and the image is for arm64.
func cachedBase(t *testing.T, r *rehearsed, o outcome) {
	const cached = "ecr-public/docker/library/node"
	image := o.image("PullThroughCache/ApiImage")
	if !strings.HasPrefix(string(o.file(image, "/app/handler.mjs")), "export async function handle") || !o.has(image, "/usr/local/bin/node") {
		t.Error("the image does not hold the function and its base image")
	}
	if got := o.config(image).Architecture; got != "arm64" {
		t.Errorf("the image is for %s", got)
	}
	e := r.open()
	defer e.Close(t.Context()) //nolint:errcheck // the test is over
	var list struct{ ImageIDs []struct{ ImageTag string } }
	must(t, e.Call(t.Context(), "ecr", "ListImages", map[string]string{"repositoryName": cached}, &list))
	if len(list.ImageIDs) != 1 || list.ImageIDs[0].ImageTag != "22-slim" {
		t.Errorf("the cache holds %+v", list.ImageIDs)
	}
	if log := logged(t, e, "/aws/codebuild/"); !strings.Contains(log, "FROM 123456789012.dkr.ecr.us-east-1.amazonaws.com/"+cached+":22-slim") {
		t.Errorf("the build has another base image:\n%s", log)
	}
}

// functionElsewhere: the function's stack is deployed last, and names the replica in its own region by its digest.
func functionElsewhere(t *testing.T, _ *rehearsed, o outcome) {
	image := o.image("CrossRegionBuilder/ApiImage")
	host := "123456789012.dkr.ecr.us-west-2.amazonaws.com/"
	uri := o.output("CrossRegionConsumer", "Image")
	if !strings.HasPrefix(uri, host) || !strings.HasSuffix(uri, "@"+image.Digest) {
		t.Errorf("the function's stack knows the image as %q, want it in %s with %s", uri, host, image.Digest)
	}
	for _, region := range []string{"us-west-2", "eu-west-1"} {
		replica := image
		replica.URI = strings.Replace(image.URI, ".us-east-1.", "."+region+".", 1)
		if !strings.Contains(string(o.file(replica, "/app/api.mjs")), "AWS_LAMBDA_RUNTIME_API") {
			t.Errorf("the replica in %s does not hold the function", region)
		}
	}
	if built, function := o.at("CrossRegionBuilder/ApiImage/Build/Default"), o.at("CrossRegionConsumer/Api/Resource"); built < 0 || function < built {
		t.Errorf("made in the order image %d, function %d", built, function)
	}
}

// loggedIn: the base image comes from the registry of the login, and the password is nowhere.
func loggedIn(t *testing.T, r *rehearsed, o outcome) {
	image := o.image("PrivateRegistry/Web")
	if got := string(o.file(image, "/etc/motd")); got != "Built on a base image of our own.\n" {
		t.Errorf("the image's message is %q", got)
	}
	if !o.has(image, "/bin/busybox") {
		t.Error("the image does not hold its base image")
	}
	for _, p := range o.summary.Unused {
		if p.Action == "secretsmanager:GetSecretValue" {
			t.Errorf("%s has not read the secret", p.Role)
		}
	}
	e := r.open()
	defer e.Close(t.Context()) //nolint:errcheck // the test is over
	log := logged(t, e, "/aws/codebuild/")
	if !strings.Contains(log, "FROM "+registry.MirrorHost+"/library/busybox:1") || strings.Contains(log+o.stdout+o.stderr, "hunter2") {
		t.Errorf("another base image, or the password in the log:\n%s", log)
	}
}

// created counts the resources of a type that a run made.
func (o outcome) created(kind string) (n int) {
	for _, e := range o.events {
		if e.Type == kind && e.Status == "CREATE_COMPLETE" {
			n++
		}
	}
	return n
}

// at is the place, among all events, of the one that says that a resource is made; -1 without it.
func (o outcome) at(path string) int {
	return slices.IndexFunc(o.events, func(e report.Event) bool { return e.Path == path && e.Status == "CREATE_COMPLETE" })
}

// imageConfig is what an image says of itself.
type imageConfig struct {
	Architecture string `json:"architecture"`
	Config       struct{ Env []string }
}

// config reads an image's configuration out of the registry of the state folder.
func (o outcome) config(image report.Image) imageConfig {
	o.t.Helper()
	store := registry.NewStore(o.t.Context(), filepath.Join(o.state, "registry"))
	defer store.Close() //nolint:errcheck // opened for reading
	host, repository, _ := strings.Cut(image.URI, "/")
	h, _ := registry.ParseHost(host)
	_, body, err := store.Manifest(o.t.Context(), h.ARN(repository), image.Digest)
	must(o.t, err)
	var manifest struct{ Config struct{ Digest string } }
	must(o.t, json.Unmarshal(body, &manifest))
	blob, err := store.OpenBlob(o.t.Context(), h.ARN(repository), manifest.Config.Digest)
	must(o.t, err)
	defer blob.Close() //nolint:errcheck // opened for reading
	var config imageConfig
	must(o.t, json.NewDecoder(blob).Decode(&config))
	return config
}
