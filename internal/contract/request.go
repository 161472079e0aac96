// Package contract holds the words that the template and the handler share: the build request that stands in
// the template, the answer that goes back to CloudFormation, their limits, and the identity of an image.
//
// It imports only the standard library, so that neither side drags the other along.
package contract

import "strconv"

// Version is the version of the request's form and of what a build makes of it. It is part of every image's
// identity and changes only when the same inputs would give another image.
const Version = "1"

// DefaultPlatform is the platform of a request that names none.
const DefaultPlatform = "linux/amd64"

// Where a Reference leads to; the names are those of CodeBuild's buildspec ("Build specification reference", env).
const (
	SecretsManager = "secrets-manager"
	ParameterStore = "parameter-store"
)

// Request is the build request: the one property that matters of the custom resource. The construct writes it
// with deploy-time tokens in it, CloudFormation resolves them, the handler decodes it. CloudFormation hands every
// scalar over as a string (cloudformation-coverage-roadmap#1037), so every scalar here is one.
type Request struct {
	Version    string     // Version of the writer
	Source     Source     // where CodeBuild finds the build context
	Repository Repository // where the image goes
	Project    string     // name of the CodeBuild project
	LogGroup   string     // log group of the builds
	RetainLogs string     `json:",omitempty"` // "true" where the handler makes the log group and nobody deletes it, or empty

	Dockerfile string     `json:",omitempty"` // path inside the context; empty means "Dockerfile"
	Target     string     `json:",omitempty"` // stage to build; empty means the last one
	Platform   string     `json:",omitempty"` // one of Platforms; empty means DefaultPlatform
	Network    string     `json:",omitempty"` // network mode of RUN steps, one of Networks; empty means "default"
	Args       []Argument `json:",omitempty"` // build arguments, sorted by name

	Secrets     []Reference `json:",omitempty"` // secrets that BuildKit mounts, never their values
	SSH         []Reference `json:",omitempty"` // ssh keys that BuildKit mounts, never their values
	Install     []Text      `json:",omitempty"` // the user's install commands, shell text
	PreBuild    []Text      `json:",omitempty"` // the user's pre-build commands, shell text
	Environment []Argument  `json:",omitempty"` // environment of those commands beside the build arguments

	Login *Login `json:",omitempty"` // docker login before the build; no part of the identity

	BuildImage    string   `json:",omitempty"` // CodeBuild image, only where the user set it
	BuildKit      string   `json:",omitempty"` // image of the BuildKit daemon, only where the user set it; no part of the identity
	Replicas      []string `json:",omitempty"` // regions that must hold the image too, sorted
	LambdaPull    string   `json:",omitempty"` // "true" where Lambda functions use replicas, or empty
	CacheDisabled string   `json:",omitempty"` // "true" or empty
	CacheURI      string   `json:",omitempty"` // repository of the layer cache, without a tag; empty means Repository.URI
	ExtraHash     Text     `json:",omitempty"` // the user's own part of the identity
	Ignore        []string `json:",omitempty"` // parts of the identity that the user switched off, of Ignorable

	BuildMinutes   string // build time-out in minutes, 5 to 50
	ServiceSeconds string // time that CloudFormation waits for an answer, at most 3600
	QueryInterval  string `json:",omitempty"` // seconds between two looks at replicas; empty means 30
}

// Source is the staged build context, a zip file in S3.
type Source struct {
	Bucket string
	Key    string
	Hash   string // hash of the context's content, the same on every machine
}

// Repository is the ECR repository that the image is pushed to.
type Repository struct {
	Name string
	URI  string // registry host and name, without a tag
}

// Argument is a named value: a build argument or an environment variable.
type Argument struct {
	Name  string
	Value Text `json:",omitempty"`
}

// Reference names a secret that CodeBuild resolves by itself.
type Reference struct {
	ID   string // what the Dockerfile calls it
	From string // SecretsManager or ParameterStore
	Name string // CodeBuild's reference syntax: name or ARN, with key, stage and version
}

// Login is a docker login with a secret that CodeBuild resolves by itself: a JSON object with the keys "username" and
// "password" in Secrets Manager.
type Login struct {
	Secret   string // name or ARN of the secret
	Registry string `json:",omitempty"` // host to log in to; empty means Docker Hub
}

// Text is a value whose bytes matter: literal parts travel as base64 of their bytes, so that the template stays
// ASCII, deploy-time parts as CloudFormation resolves them. No parts is the empty string.
type Text []Part

// Part is one piece of a Text. Exactly one field is set; a part with none is empty text, because CloudFormation
// does not promise to keep empty strings.
type Part struct {
	Literal string `json:",omitempty"` // standard base64 of the bytes
	Value   string `json:",omitempty"` // resolved at deploy time
}

// BuildTime is the build's time-out in minutes. The request must be valid.
func (r Request) BuildTime() int { return whole(r.BuildMinutes, MaxBuildMinutes) }

// ServiceTime is the time in seconds that CloudFormation waits for an answer. The request must be valid.
func (r Request) ServiceTime() int { return whole(r.ServiceSeconds, MaxServiceSeconds) }

// Interval is the number of seconds between two looks at replicas. The request must be valid.
func (r Request) Interval() int { return whole(r.QueryInterval, DefaultQueryInterval) }

// whole is the number that text holds, or otherwise where it holds none.
func whole(text string, otherwise int) int {
	n, err := strconv.Atoi(text)
	if err != nil {
		return otherwise
	}
	return n
}
