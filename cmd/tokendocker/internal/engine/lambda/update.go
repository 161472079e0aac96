package lambda

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/session"
)

// changes are the operations that change a function which is there, as clients do that do not wait for CloudFormation.
// Source: AWS Lambda API Reference, UpdateFunctionCode, UpdateFunctionConfiguration, PublishVersion, UpdateAlias.
var changes = map[string]func(*Room, context.Context, *protocol.Call, Function) (map[string]any, error){
	"UpdateFunctionCode":          (*Room).updateCode,
	"UpdateFunctionConfiguration": (*Room).updateConfiguration,
	"PublishVersion":              (*Room).publishVersion,
	"UpdateAlias":                 (*Room).updateAlias,
}

// changeOf names the operation of a REST call on a function, if it is a change.
func changeOf(method, action string) (string, bool) {
	switch {
	case method == http.MethodPut && action == "code":
		return "UpdateFunctionCode", true
	case method == http.MethodPut && action == "configuration":
		return "UpdateFunctionConfiguration", true
	case method == http.MethodPost && action == "versions":
		return "PublishVersion", true
	case method == http.MethodPut && strings.HasPrefix(action, "aliases/"):
		return "UpdateAlias", true
	}
	return "", false
}

// maxUpload is the size of a request with a zip in it (AWS Lambda Developer Guide, "Lambda quotas": 50 MB, in base64).
const maxUpload = 70 << 20

// readChange reads the input of a change, once.
func readChange(call *protocol.Call, in any) error {
	if call.Body == nil && call.HTTP != nil {
		body, err := io.ReadAll(io.LimitReader(call.HTTP.Body, maxUpload+1))
		if err != nil {
			return fmt.Errorf("read the request: %w", err)
		}
		if len(body) > maxUpload {
			return &protocol.Error{Code: "RequestEntityTooLargeException", Status: http.StatusRequestEntityTooLarge, Message: fmt.Sprintf("Request must be smaller than %d bytes for the %s operation", maxUpload, call.Operation)}
		}
		call.Body = body
	}
	if len(call.Body) == 0 {
		return nil
	}
	if err := json.Unmarshal(call.Body, in); err != nil {
		return protocol.Errorf("InvalidRequestContentException", "Could not parse request body into json: %v", err)
	}
	return nil
}

// changeNeeds are the rights that a change needs beside its own: to read the code, and to pass the role.
func changeNeeds(call *protocol.Call) ([]protocol.Need, error) {
	var in struct{ S3Bucket, S3Key, Role string }
	if err := readChange(call, &in); err != nil {
		return nil, err
	}
	var out []protocol.Need
	if in.S3Bucket != "" {
		out = append(out, protocol.Need{Action: "s3:GetObject", Resources: []string{fmt.Sprintf("arn:%s:s3:::%s/%s", call.Partition, in.S3Bucket, in.S3Key)}})
	}
	if in.Role != "" {
		out = append(out, protocol.Need{Action: "iam:PassRole", Resources: []string{in.Role}, Conditions: map[string][]string{"iam:PassedToService": {servicePrincipal}}})
	}
	return out, nil
}

// modify changes the unpublished version of a function; the environments that ran it end.
func (r *Room) modify(f Function, change func(*Function) error) (Function, error) {
	if f.Version != latest {
		return f, protocol.Errorf("InvalidParameterValueException", "Version %s of function %s is published and cannot change.", f.Version, f.Name)
	}
	var old Function
	err := r.functions.Update(f.key(), func(was Function, found bool) (Function, error) {
		if !found {
			return was, errNoFunction(f.ARN)
		}
		old, f = was, was
		f.Revision, f.Modified = was.Revision+1, r.Clock.Now()
		return f, change(&f)
	})
	if err != nil {
		return f, err
	}
	r.dropAll(f.key())
	return f, r.dropFiles(old)
}

func (r *Room) updateCode(ctx context.Context, call *protocol.Call, f Function) (map[string]any, error) {
	var in struct {
		ImageURI        string `json:"ImageUri"`
		S3Bucket, S3Key string
		ZipFile         []byte
		Publish, DryRun bool
	}
	if err := readChange(call, &in); err != nil {
		return nil, err
	}
	image, sha, size := f.Image, f.CodeSHA256, f.CodeSize
	var err error
	switch {
	case f.PackageType == "Image":
		image, err = r.pinImage(ctx, f, in.ImageURI)
	case len(in.ZipFile) > 0:
		sha, size, err = r.keepCode(in.ZipFile)
	default:
		sha, size, err = r.loadCode(ctx, map[string]any{"S3Bucket": in.S3Bucket, "S3Key": in.S3Key}, f.Runtime)
	}
	if err != nil || in.DryRun {
		return f.configuration(), err
	}
	now, err := r.modify(f, func(f *Function) error {
		f.Image, f.CodeSHA256, f.CodeSize = image, sha, size
		return nil
	})
	if err != nil || !in.Publish {
		return now.configuration(), err
	}
	return r.publishVersion(ctx, call, now)
}

func (r *Room) updateConfiguration(ctx context.Context, call *protocol.Call, f Function) (map[string]any, error) {
	var in struct {
		Description, Handler, Runtime, Role *string
		MemorySize, Timeout                 *int
		Environment                         *struct{ Variables map[string]string }
		LoggingConfig                       *struct{ LogGroup string }
		Layers                              []string
	}
	if err := readChange(call, &in); err != nil {
		return nil, err
	}
	if in.Layers != nil {
		return nil, protocol.Errorf("InvalidParameterValueException", "tokendocker changes the layers of a function by CloudFormation only")
	}
	if in.Role != nil {
		if _, err := r.Roles.AssumeAsService(ctx, *in.Role, servicePrincipal, f.Name, session.Cause{}); err != nil {
			return nil, errRole
		}
	}
	now, err := r.modify(f, func(f *Function) error {
		for to, from := range map[*string]*string{&f.Description: in.Description, &f.Handler: in.Handler, &f.Runtime: in.Runtime, &f.Role: in.Role} {
			if from != nil {
				*to = *from
			}
		}
		if in.Environment != nil {
			f.Environment = maps.Clone(in.Environment.Variables)
		}
		if in.LoggingConfig != nil && in.LoggingConfig.LogGroup != "" {
			f.LogGroup = in.LoggingConfig.LogGroup
		}
		numbers := map[string]any{"Timeout": f.TimeoutSec, "MemorySize": f.MemoryMB}
		if in.Timeout != nil {
			numbers["Timeout"] = *in.Timeout
		}
		if in.MemorySize != nil {
			numbers["MemorySize"] = *in.MemorySize
		}
		return errors.Join(checkEnvironment(f.Environment), f.readNumbers(numbers))
	})
	return now.configuration(), err
}

// publishVersion gives the function as it is the next number, unless it has one already.
func (r *Room) publishVersion(_ context.Context, _ *protocol.Call, f Function) (map[string]any, error) {
	last, same, err := r.lastVersion(f)
	if err != nil || same {
		return last.configuration(), err
	}
	version, err := r.publish(f)
	return version.configuration(), err
}

// lastVersion returns the newest version of a function, and whether that is the function as it is now.
func (r *Room) lastVersion(f Function) (last Function, same bool, err error) {
	last, found, err := r.functions.Get(functionKey(f.Region, f.Name, strconv.Itoa(f.Published)))
	return last, found && last.content() == f.content(), err
}

// content is what a version of the function keeps, as text: its code and configuration, and nothing that belongs to all
// versions together, as reserved concurrency does (serverless/serverless#7822).
func (f Function) content() string {
	f.Version, f.Revision, f.Published, f.Modified, f.Reserved = "", 0, 0, time.Time{}, nil
	text, _ := json.Marshal(f) // it is kept as JSON
	return string(text)
}

// publish gives the function as it is the next number.
func (r *Room) publish(f Function) (Function, error) {
	err := r.functions.Update(f.key(), func(now Function, found bool) (Function, error) {
		if !found {
			return now, errNoFunction(f.ARN)
		}
		now.Published++
		f = now
		return now, nil
	})
	if err != nil {
		return f, err
	}
	f.Version = strconv.Itoa(f.Published)
	return f, r.functions.Put(f.key(), f)
}

func (r *Room) updateAlias(_ context.Context, call *protocol.Call, f Function) (map[string]any, error) {
	var in struct{ FunctionVersion, Description string }
	if err := readChange(call, &in); err != nil {
		return nil, err
	}
	_, name, _ := strings.Cut(call.HTTP.URL.Path, "/aliases/")
	key := aliasKey(f.Region, f.Name, name)
	arn := f.ARN + ":" + name
	err := r.aliases.Update(key, func(a alias, found bool) (alias, error) {
		if !found {
			return a, &protocol.Error{Code: "ResourceNotFoundException", Status: http.StatusNotFound, Message: "Cannot find alias arn: " + arn}
		}
		if in.FunctionVersion == "" {
			in.FunctionVersion = a.Version
		}
		if _, known, err := r.functions.Get(functionKey(f.Region, f.Name, in.FunctionVersion)); err != nil || !known {
			return a, errors.Join(err, errNoFunction(f.ARN+":"+in.FunctionVersion))
		}
		a.Version = in.FunctionVersion
		return a, nil
	})
	return map[string]any{"AliasArn": arn, "Name": name, "FunctionVersion": in.FunctionVersion, "Description": in.Description}, err
}
