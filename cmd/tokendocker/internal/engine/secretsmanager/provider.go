package secretsmanager

import (
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
	name := text(r.Properties["Name"])
	if name == "" {
		name = physical.Logical(r, maxLogical)
	}
	value, err := valueOf(r.Properties)
	if err != nil {
		return resource.Result{}, err
	}
	s, err := p.room.create(ctx, p.room.Deployer, secret{Region: r.Stack.Region, Name: name, Key: text(r.Properties["KmsKeyId"])}, value)
	if err != nil {
		return resource.Result{}, err
	}
	return result(s), nil
}

// maxLogical is the most that a generated name has.
const maxLogical = 64

// Update changes key and value. A value is generated anew only when the way to generate it changes.
func (p secretProvider) Update(ctx context.Context, r resource.Request) (resource.Result, error) {
	if text(r.Old["Name"]) != text(r.Properties["Name"]) {
		return p.Create(ctx, r)
	}
	s, found := p.room.find(r.Stack.Region, r.PhysicalID)
	if !found {
		return resource.Result{}, errNotFound()
	}
	s.Key = text(r.Properties["KmsKeyId"])
	if fmt.Sprint(r.Old["SecretString"], r.Old["GenerateSecretString"]) != fmt.Sprint(r.Properties["SecretString"], r.Properties["GenerateSecretString"]) {
		value, err := valueOf(r.Properties)
		if err != nil {
			return resource.Result{}, err
		}
		if err := p.room.mayUse(ctx, p.room.Deployer, s, s.add(value), "kms:GenerateDataKey", "kms:Decrypt"); err != nil {
			return resource.Result{}, err
		}
	}
	return result(s), p.room.secrets.Put(s.ARN, s)
}

// Delete removes the secret; one that is gone already is no error.
func (p secretProvider) Delete(_ context.Context, r resource.Request) error {
	return p.room.secrets.Delete(r.PhysicalID)
}

// result is what Ref and Fn::GetAtt give: the full ARN.
func result(s secret) resource.Result {
	return resource.Result{PhysicalID: s.ARN, Attributes: map[string]any{"Id": s.ARN}}
}

// valueOf returns the value that a template gives, or generates one.
func valueOf(properties map[string]any) (string, error) {
	given, generate := text(properties["SecretString"]), properties["GenerateSecretString"]
	switch {
	case given != "" && generate != nil:
		return "", protocol.Errorf("ValidationException", "You can't specify both SecretString and GenerateSecretString.")
	case generate == nil:
		return given, nil
	}
	how, _ := generate.(map[string]any)
	password := generated(how)
	template, key := text(how["SecretStringTemplate"]), text(how["GenerateStringKey"])
	if template == "" && key == "" {
		return password, nil
	}
	var fields map[string]any
	if err := json.Unmarshal([]byte(template), &fields); err != nil || key == "" {
		return "", protocol.Errorf("ValidationException", "SecretStringTemplate must be a JSON object, and GenerateStringKey the key for the password.")
	}
	fields[key] = password
	data, err := json.Marshal(fields)
	return string(data), err
}

// generated is a password as a template asks for it.
// Source: AWS CloudFormation Template Reference, GenerateSecretString.
func generated(how map[string]any) string {
	alphabet := ""
	for name, part := range map[string]string{
		"ExcludeLowercase": letters[:26], "ExcludeUppercase": letters[26:], "ExcludeNumbers": digits, "ExcludePunctuation": punctuation,
	} {
		if !strings.EqualFold(text(how[name]), "true") {
			alphabet += part
		}
	}
	alphabet = strings.Map(func(c rune) rune {
		if strings.ContainsRune(text(how["ExcludeCharacters"]), c) {
			return -1
		}
		return c
	}, alphabet)
	length, err := strconv.Atoi(text(how["PasswordLength"]))
	if err != nil {
		length = 32
	}
	if alphabet == "" {
		return ""
	}
	return random(length, alphabet)
}

func text(v any) string {
	if v == nil {
		return ""
	}
	return fmt.Sprint(v)
}
