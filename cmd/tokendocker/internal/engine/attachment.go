package engine

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/resource"
)

// attachment is AWS::SecretsManager::SecretTargetAttachment: it writes into a secret how to reach the database that the
// secret is for. Of a database that the stack did not make nothing is known, and the secret stays as it is.
// Source: AWS CloudFormation Template Reference, AWS::SecretsManager::SecretTargetAttachment; AWS Secrets Manager User
// Guide, "JSON structure of AWS Secrets Manager database credential secrets".
type attachment struct{ account *account }

// Immutable returns the properties whose change makes another attachment.
func (attachment) Immutable() []string { return []string{"SecretId"} }

// Create writes into the secret.
func (a attachment) Create(ctx context.Context, r resource.Request) (resource.Result, error) {
	return a.attach(ctx, r)
}

// Update writes into the secret again: the database may be another one.
func (a attachment) Update(ctx context.Context, r resource.Request) (resource.Result, error) {
	return a.attach(ctx, r)
}

// Delete leaves the secret as it is.
func (attachment) Delete(context.Context, resource.Request) error { return nil }

func (a attachment) attach(ctx context.Context, r resource.Request) (resource.Result, error) {
	secret, _ := r.Properties["SecretId"].(string)
	target, _ := r.Properties["TargetId"].(string)
	result := resource.Result{PhysicalID: secret}
	database, found := a.account.stacks.Resource(r.Stack.ID, target)
	if !found || database.Type != r.Properties["TargetType"] {
		return result, nil
	}
	reach, err := a.reach(database)
	if err != nil {
		return result, err
	}
	call := func(operation string, in, out any) error {
		return a.account.engine.door.Call(ctx, a.account.operator, r.Stack.Region, "secretsmanager", operation, in, out)
	}
	var now struct{ SecretString string }
	if err := call("GetSecretValue", map[string]any{"SecretId": secret}, &now); err != nil {
		return result, err
	}
	values := map[string]any{}
	if err := json.Unmarshal([]byte(now.SecretString), &values); err != nil {
		return result, fmt.Errorf("the secret %s is no JSON object: %w", secret, err)
	}
	for name, value := range reach {
		values[name] = value
	}
	text, err := json.Marshal(values)
	if err != nil {
		return result, err
	}
	return result, call("PutSecretValue", map[string]any{"SecretId": secret, "SecretString": string(text)}, nil)
}

// reach is what a secret says of its database.
func (a attachment) reach(database resource.Request) (map[string]any, error) {
	describer, ok := a.account.simulated.Provider(database.Type).(resource.Describer)
	if !ok {
		return nil, nil
	}
	host, port, id := "Endpoint.Address", "Endpoint.Port", "dbInstanceIdentifier"
	switch {
	case strings.HasPrefix(database.Type, "AWS::DocDB::"):
		host, port = "Endpoint", "Port"
	case database.Type == "AWS::Redshift::Cluster":
		id = "clusterIdentifier"
	}
	if strings.HasSuffix(database.Type, "::DBCluster") {
		id = "dbClusterIdentifier"
	}
	out := map[string]any{id: database.PhysicalID}
	for name, attribute := range map[string]string{"host": host, "port": port} {
		value, err := describer.Attribute(database, attribute)
		if err != nil {
			return nil, err
		}
		out[name] = value
	}
	if engine, ok := database.Properties["Engine"].(string); ok {
		out["engine"] = strings.NewReplacer("aurora-postgresql", "postgres", "aurora-mysql", "mysql").Replace(engine)
	}
	for _, property := range []string{"DBName", "DatabaseName"} {
		if name, ok := database.Properties[property].(string); ok {
			out["dbname"] = name
		}
	}
	return out, nil
}
