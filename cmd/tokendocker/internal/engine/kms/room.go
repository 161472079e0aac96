package kms

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/clock"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/resource"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/session"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/state"
)

// Options says what the room works with. All fields are required.
type Options struct {
	Account   string
	Partition string
	Clock     *clock.Clock
	Store     *state.Store
	Caller    protocol.Caller // decides what a service does for its caller
}

// Room is the KMS of one account, in all regions. It is safe for concurrent use.
type Room struct {
	Options
	keys    state.Table[key]   // by ARN
	aliases state.Table[alias] // by ARN
}

var (
	_ protocol.Service = (*Room)(nil)
	_ protocol.Keys    = (*Room)(nil)
)

// New opens the room on what the state folder holds.
func New(o Options) (*Room, error) {
	r := &Room{Options: o}
	var err error
	if r.keys, err = state.NewTable[key](o.Store, "kms-keys"); err != nil {
		return nil, err
	}
	r.aliases, err = state.NewTable[alias](o.Store, "kms-aliases")
	return r, err
}

// Resources returns the providers of AWS::KMS types.
func (r *Room) Resources() map[string]resource.Provider {
	return map[string]resource.Provider{"AWS::KMS::Key": keyProvider{r}, "AWS::KMS::Alias": aliasProvider{r}}
}

// Name returns "kms".
func (r *Room) Name() string { return "kms" }

// Allow decides a service's use of a key for its caller, by the key's policy and the caller's own. It fails with KMS's
// NotFoundException, DisabledException and KMSInvalidStateException, or with IAM's AccessDeniedException. A key that
// nobody in the rehearsal made is taken to have the policy that lets the account's own policies decide.
// Source: AWS KMS Developer Guide, "Condition keys for AWS KMS", kms:ViaService and kms:GrantIsForAWSResource.
func (r *Room) Allow(ctx context.Context, as *session.Session, region string, u protocol.KeyUse) error {
	k, err := r.find(region, u.Key)
	if given, ok := r.elsewhere(region, u.Key); ok && err != nil {
		k, err = given, nil
	}
	if err != nil {
		return err
	}
	need := r.need(as, u.Action, k, input{KeyID: u.Key, Context: u.Context})
	need.Conditions["kms:ViaService"] = []string{u.Via}
	need.Conditions["aws:ViaAWSService"] = []string{"true"}
	if u.Action == "kms:CreateGrant" {
		need.Conditions["kms:GrantIsForAWSResource"] = []string{"true"}
	}
	if err := r.Caller.Allow(ctx, as, region, need); err != nil {
		return err
	}
	return k.usable()
}

// input is what the operations' inputs say of their key.
type input struct {
	KeyID      string            `json:"KeyId"`
	Ciphertext []byte            `json:"CiphertextBlob"`
	Context    map[string]string `json:"EncryptionContext"`
}

// operations are what the room can do. The second value says that an operation is about no key.
var operations = map[string]struct {
	do      protocol.Operation[*Room]
	keyless bool
}{
	"Decrypt":                         {do: protocol.JSON((*Room).decrypt)},
	"Encrypt":                         {do: protocol.JSON((*Room).encrypt)},
	"GenerateDataKey":                 {do: protocol.JSON((*Room).generateDataKey)},
	"GenerateDataKeyWithoutPlaintext": {do: protocol.JSON((*Room).withoutPlaintext)},
	"GenerateRandom":                  {do: protocol.JSON((*Room).generateRandom), keyless: true},
	"ReEncrypt":                       {do: protocol.JSON((*Room).reEncrypt)},

	"DescribeKey":          {do: protocol.JSON((*Room).describeKey)},
	"GetKeyPolicy":         {do: protocol.JSON((*Room).getKeyPolicy)},
	"GetKeyRotationStatus": {do: protocol.JSON((*Room).getKeyRotationStatus)},
	"ListAliases":          {do: protocol.JSON((*Room).listAliases), keyless: true},
	"ListKeyPolicies":      {do: protocol.JSON((*Room).listKeyPolicies)},
	"ListKeys":             {do: protocol.JSON((*Room).listKeys), keyless: true},
	"ListResourceTags":     {do: protocol.JSON((*Room).listTags)},

	"CancelKeyDeletion":    {do: protocol.JSON((*Room).cancelDeletion)},
	"CreateKey":            {do: protocol.JSON((*Room).createKey), keyless: true},
	"DisableKey":           {do: setting((*key).disable)},
	"DisableKeyRotation":   {do: setting((*key).stopRotating)},
	"EnableKey":            {do: setting((*key).enable)},
	"EnableKeyRotation":    {do: setting((*key).rotate)},
	"PutKeyPolicy":         {do: protocol.JSON((*Room).putKeyPolicy)},
	"ScheduleKeyDeletion":  {do: protocol.JSON((*Room).scheduleDeletion)},
	"TagResource":          {do: setting((*key).tag)},
	"UntagResource":        {do: setting((*key).untag)},
	"UpdateKeyDescription": {do: setting((*key).describe)},

	"CreateAlias": {do: protocol.JSON((*Room).createAlias)},
	"DeleteAlias": {do: protocol.JSON((*Room).deleteAlias)},
	"UpdateAlias": {do: protocol.JSON((*Room).updateAlias)},

	"CreateGrant": {do: protocol.JSON((*Room).createGrant)},
	"ListGrants":  {do: protocol.JSON((*Room).listGrants)},
	"RetireGrant": {do: protocol.JSON((*Room).revokeGrant)},
	"RevokeGrant": {do: protocol.JSON((*Room).revokeGrant)},
}

// Owner returns the account in the key's ARN.
func (r *Room) Owner(call *protocol.Call) string {
	var in input
	if json.Unmarshal(call.Body, &in) != nil {
		return ""
	}
	return protocol.OwnerOf(in.KeyID)
}

// Needs names the key, whoever is meant by the input's alias or cipher text.
// Source: Service Authorization Reference, AWS Key Management Service; AWS KMS Developer Guide, "Key policies": without
// the key's policy no identity policy counts.
func (r *Room) Needs(_ context.Context, call *protocol.Call) ([]protocol.Need, error) {
	op, err := protocol.Find(operations, call)
	if err != nil {
		return nil, err
	}
	action := "kms:" + call.Operation
	if op.keyless {
		return []protocol.Need{{Action: action}}, nil
	}
	switch call.Operation {
	case "ReEncrypt":
		return r.needsOfReEncrypt(call)
	case "CreateAlias", "UpdateAlias", "DeleteAlias":
		return r.needsOfAlias(call)
	}
	var in input
	if err := protocol.Decode(call, &in); err != nil {
		return nil, err
	}
	need, err := r.needOf(call, action, in)
	if err == nil && call.Operation == "CreateGrant" {
		err = grantConditions(call, need.Conditions)
	}
	return []protocol.Need{need}, err
}

// needOf is the need of a key that an input names, or whose cipher text it has.
func (r *Room) needOf(call *protocol.Call, action string, in input) (protocol.Need, error) {
	id := in.KeyID
	if id == "" && len(in.Ciphertext) > 0 {
		if id = keyOf(in.Ciphertext); id == "" {
			return protocol.Need{}, errCiphertext
		}
	}
	k, err := r.find(call.Region, id)
	if err != nil {
		return protocol.Need{}, err
	}
	return r.need(call.Session, action, k, in), nil
}

// needsOfReEncrypt are those of both keys.
func (r *Room) needsOfReEncrypt(call *protocol.Call) ([]protocol.Need, error) {
	var in reEncryptInput
	if err := protocol.Decode(call, &in); err != nil {
		return nil, err
	}
	from, err := r.needOf(call, "kms:ReEncryptFrom", input{KeyID: in.From, Ciphertext: in.Ciphertext, Context: in.FromContext})
	if err != nil {
		return nil, err
	}
	to, err := r.needOf(call, "kms:ReEncryptTo", input{KeyID: in.To, Context: in.ToContext})
	return []protocol.Need{from, to}, err
}

// needsOfAlias are those of the alias and of its key, the new one and the one before.
// Source: AWS KMS Developer Guide, "Controlling access to aliases".
func (r *Room) needsOfAlias(call *protocol.Call) ([]protocol.Need, error) {
	var in aliasInput
	if err := protocol.Decode(call, &in); err != nil {
		return nil, err
	}
	action, arn := "kms:"+call.Operation, r.arn(call.Region, in.Name)
	needs := []protocol.Need{{Action: action, Resources: []string{arn}}}
	keys := []string{in.Key}
	if a, found, err := r.aliases.Get(arn); err == nil && found && call.Operation != "CreateAlias" {
		keys = append(keys, a.Key)
	}
	for _, id := range keys {
		if k, err := r.find(call.Region, id); id != "" && err == nil { // the operation itself says what is wrong with it
			needs = append(needs, r.need(call.Session, action, k, input{KeyID: id}))
		}
	}
	return needs, nil
}

// need is the permission that a use of a key needs.
// Source: Service Authorization Reference, AWS Key Management Service, condition keys of each action.
func (r *Room) need(as *session.Session, action string, k key, in input) protocol.Need {
	conditions := map[string][]string{"kms:CallerAccount": {as.Account}}
	for name, value := range k.Tags {
		conditions["aws:ResourceTag/"+name] = []string{value}
	}
	need := protocol.Need{Action: action, Resources: []string{k.ARN}, Conditions: conditions,
		ResourcePolicy: k.effectivePolicy(), ResourcePolicyOnly: true}
	crypts := slices.Contains(cryptographic, action)
	if a, ok := aliasName(in.KeyID); ok && (crypts || action == "kms:DescribeKey") {
		conditions["kms:RequestAlias"] = []string{a}
	}
	if !crypts && action != "kms:CreateGrant" {
		return need
	}
	if crypts {
		conditions["kms:EncryptionAlgorithm"] = []string{symmetric}
	}
	for name, value := range in.Context {
		conditions["kms:EncryptionContext:"+name] = []string{value}
		conditions["kms:EncryptionContextKeys"] = append(conditions["kms:EncryptionContextKeys"], name)
	}
	return need
}

// cryptographic are the actions that use a key's material.
var cryptographic = []string{"kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey", "kms:GenerateDataKeyWithoutPlaintext", "kms:ReEncryptFrom", "kms:ReEncryptTo"}

// Serve does one call.
func (r *Room) Serve(ctx context.Context, call *protocol.Call) (any, error) {
	op, err := protocol.Find(operations, call)
	if err != nil {
		return nil, err
	}
	return op.do(ctx, r, call)
}

func (r *Room) arn(region, rest string) string {
	return fmt.Sprintf("arn:%s:kms:%s:%s:%s", r.Partition, region, r.Account, rest)
}
