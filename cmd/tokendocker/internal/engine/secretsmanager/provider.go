package secretsmanager

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/physical"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/resource"
)

// secretProvider is AWS::SecretsManager::Secret.
// Source: AWS CloudFormation Template Reference, AWS::SecretsManager::Secret.
type secretProvider struct{ room *Room }

// Immutable names the properties whose change makes another secret.
func (secretProvider) Immutable() []string { return []string{"Name"} }

// Create makes the secret, with the value given or one that is generated.
func (p secretProvider) Create(ctx context.Context, r resource.Request) (resource.Result, error) {
	name := resource.Text(r.Properties["Name"])
	if name == "" {
		name = physical.Logical(r, maxLogical)
	}
	value, err := valueOf(r.Properties)
	if err != nil {
		return resource.Result{}, err
	}
	s := secret{Region: r.Stack.Region, Name: name, Token: r.Token}
	s.set(r.Properties)
	s, err = p.room.create(ctx, p.room.Deployer, s, valueInput{SecretString: value})
	if err != nil {
		return resource.Result{}, err // a secret of that name is somebody else's
	}
	return result(s), nil
}

// maxLogical is the most that a generated name has.
const maxLogical = 64

// set takes the settings that a template gives.
func (s *secret) set(properties map[string]any) {
	s.Description, s.Key, s.Tags = resource.Text(properties["Description"]), resource.Text(properties["KmsKeyId"]), resource.TagsOf(properties)
}

// Update changes settings and value. A value is generated anew only when the way to generate it changes.
func (p secretProvider) Update(ctx context.Context, r resource.Request) (resource.Result, error) {
	var value valueInput
	if fmt.Sprint(r.Old["SecretString"], r.Old["GenerateSecretString"]) != fmt.Sprint(r.Properties["SecretString"], r.Properties["GenerateSecretString"]) {
		var err error
		if value.SecretString, err = valueOf(r.Properties); err != nil {
			return resource.Result{}, err
		}
	}
	as := &protocol.Call{Region: r.Stack.Region, Session: p.room.Deployer}
	s, _, err := p.room.write(ctx, as, r.PhysicalID, value, []string{current}, func(s *secret) { s.set(r.Properties) })
	if err != nil {
		return resource.Result{}, err
	}
	return result(s), nil
}

// Delete removes the secret at once; one that is gone already is no error.
func (p secretProvider) Delete(_ context.Context, r resource.Request) error {
	return p.room.secrets.Delete(r.PhysicalID)
}

// result is what Ref and Fn::GetAtt give: the full ARN.
func result(s secret) resource.Result {
	return resource.Result{PhysicalID: s.ARN, Attributes: map[string]any{"Id": s.ARN}}
}

// valueOf returns the value that a template gives, or generates one; empty: the secret has none.
func valueOf(properties map[string]any) (string, error) {
	given, generate := resource.Text(properties["SecretString"]), properties["GenerateSecretString"]
	switch {
	case given != "" && generate != nil:
		return "", protocol.Errorf("ValidationException", "You can't specify both SecretString and GenerateSecretString.")
	case generate == nil:
		return given, nil
	}
	how, _ := generate.(map[string]any)
	password, err := generated(how)
	if err != nil {
		return "", err
	}
	template, key := resource.Text(how["SecretStringTemplate"]), resource.Text(how["GenerateStringKey"])
	if template == "" && key == "" {
		return password, nil
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal([]byte(template), &fields); err != nil || fields == nil || key == "" {
		return "", protocol.Errorf("ValidationException", "SecretStringTemplate must be a JSON object, and GenerateStringKey the key for the password.")
	}
	if fields[key], err = plainJSON(password); err != nil {
		return "", err
	}
	text, err := plainJSON(fields)
	return string(text), err
}

// plainJSON is JSON in which < and > stand as they are, as in a password.
func plainJSON(value any) (json.RawMessage, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(value)
	return bytes.TrimSpace(b.Bytes()), err
}

// generated is a password as a template asks for it, whose scalars may be text.
// Source: AWS CloudFormation Template Reference, GenerateSecretString.
func generated(how map[string]any) (string, error) {
	is := func(name string) bool { return strings.EqualFold(resource.Text(how[name]), "true") }
	p := recipe{Exclude: resource.Text(how["ExcludeCharacters"]), NoLower: is("ExcludeLowercase"), NoUpper: is("ExcludeUppercase"),
		NoNumbers: is("ExcludeNumbers"), NoMarks: is("ExcludePunctuation"), Space: is("IncludeSpace")}
	if how["RequireEachIncludedType"] != nil {
		each := is("RequireEachIncludedType")
		p.EachOfThem = &each
	}
	if how["PasswordLength"] != nil {
		length, err := strconv.Atoi(resource.Text(how["PasswordLength"]))
		if err != nil {
			return "", protocol.Errorf("ValidationException", "PasswordLength must be a number.")
		}
		p.Length = &length
	}
	return p.password()
}
