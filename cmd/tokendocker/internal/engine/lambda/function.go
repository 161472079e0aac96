package lambda

import (
	"strings"
	"time"
)

// latest is the qualifier of a function's unpublished version.
const latest = "$LATEST"

// Function is a deployed function, or one published version of it.
type Function struct {
	ARN          string // without qualifier
	Name         string
	Version      string // "$LATEST" or a number
	Region       string
	Account      string
	Role         string
	Runtime      string // empty for container images
	Handler      string
	Architecture string // "x86_64" or "arm64"
	PackageType  string // "Zip" or "Image"
	Image        string // repository URI and digest, for container images
	CodeSHA256   string // of the zip, in hex
	CodeSize     int64
	Layers       []string // sha256 of the layers' zips, in hex
	Description  string
	Environment  map[string]string
	TimeoutSec   int
	MemoryMB     int
	Reserved     *int // reserved concurrency, nil for none
	LogGroup     string
	Modified     time.Time
	Revision     int // grows with each change, so that old environments are recognised
	Published    int // number of the newest published version
}

func functionKey(region, name, version string) string {
	if version == "" {
		version = latest
	}
	return region + "/" + name + "/" + version
}

func (f Function) key() string { return functionKey(f.Region, f.Name, f.Version) }

// qualified is the ARN that the function sees as its own: with the version where that is published.
func (f Function) qualified() string {
	if f.Version == latest {
		return f.ARN
	}
	return f.ARN + ":" + f.Version
}

func (f Function) timeout() time.Duration { return time.Duration(f.TimeoutSec) * time.Second }

// runs reports whether invocations of the function are executed here.
func (f Function) runs() bool {
	return f.PackageType == "Zip" && (strings.HasPrefix(f.Runtime, "provided") || f.isNode() || f.isPython())
}

// configuration is the function in the shape of GetFunctionConfiguration.
func (f Function) configuration() map[string]any {
	c := map[string]any{
		"FunctionName": f.Name, "FunctionArn": f.qualified(), "Role": f.Role, "Handler": f.Handler,
		"CodeSize": f.CodeSize, "CodeSha256": base64OfHex(f.CodeSHA256), "Description": f.Description,
		"Timeout": f.TimeoutSec, "MemorySize": f.MemoryMB, "Version": f.Version, "PackageType": f.PackageType,
		"LastModified":  f.Modified.UTC().Format("2006-01-02T15:04:05.000+0000"),
		"Architectures": []string{f.Architecture}, "State": "Active", "LastUpdateStatus": "Successful",
		"LoggingConfig": map[string]any{"LogFormat": "Text", "LogGroup": f.LogGroup},
		"Environment":   map[string]any{"Variables": f.Environment},
	}
	if f.Runtime != "" {
		c["Runtime"] = f.Runtime
	}
	return c
}
