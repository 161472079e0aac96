package kms

import (
	"cmp"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/json"
	"fmt"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
)

// Source: AWS KMS API Reference, Encrypt and GenerateDataKey.
const (
	symmetric      = "SYMMETRIC_DEFAULT"
	encryptDecrypt = "ENCRYPT_DECRYPT"

	maxPlaintext = 4096
	maxDataKey   = 1024
	idLength     = 36 // a cipher text begins with its key's id
)

var errCiphertext = protocol.Errorf("InvalidCiphertextException", "")

// keyOf returns the id of the key that a cipher text was made with; empty if it is none of ours.
func keyOf(blob []byte) string {
	if len(blob) <= idLength || blob[8] != '-' {
		return ""
	}
	return string(blob[:idLength])
}

func (k key) aead() (cipher.AEAD, error) {
	block, err := aes.NewCipher(k.Material)
	if err != nil {
		return nil, fmt.Errorf("key %s: %w", k.ID, err)
	}
	return cipher.NewGCMWithRandomNonce(block)
}

// seal encrypts; the encryption context must be given again to decrypt.
func (k key) seal(plain []byte, context map[string]string) ([]byte, error) {
	aead, err := k.aead()
	if err != nil {
		return nil, err
	}
	bound, err := binding(context)
	return aead.Seal([]byte(k.ID), nil, plain, bound), err
}

// binding is the encryption context as bytes, the same for the same pairs.
func binding(context map[string]string) ([]byte, error) {
	if len(context) == 0 {
		return nil, nil
	}
	return json.Marshal(context) // which sorts
}

type encryptInput struct {
	input
	Plaintext []byte
}

func (r *Room) encrypt(_ context.Context, call *protocol.Call, in encryptInput) (any, error) {
	k, err := r.usable(call.Region, in.KeyID)
	if err != nil {
		return nil, err
	}
	if len(in.Plaintext) == 0 || len(in.Plaintext) > maxPlaintext {
		return nil, protocol.Errorf("ValidationException", "1 validation error detected: Value at 'plaintext' failed to satisfy constraint: Member must have length between 1 and %d", maxPlaintext)
	}
	blob, err := k.seal(in.Plaintext, in.Context)
	return map[string]any{"CiphertextBlob": blob, "KeyId": k.ARN, "EncryptionAlgorithm": symmetric}, err
}

func (r *Room) usable(region, id string) (key, error) {
	k, err := r.find(region, id)
	if err == nil {
		err = k.usable()
	}
	return k, err
}

func (r *Room) decrypt(_ context.Context, call *protocol.Call, in input) (any, error) {
	k, plain, err := r.open(call.Region, in)
	if err != nil {
		return nil, err
	}
	return map[string]any{"Plaintext": plain, "KeyId": k.ARN, "EncryptionAlgorithm": symmetric}, nil
}

// open decrypts a cipher text, and returns the key that made it.
func (r *Room) open(region string, in input) (key, []byte, error) {
	id := keyOf(in.Ciphertext)
	if id == "" {
		return key{}, nil, errCiphertext
	}
	k, err := r.usable(region, cmp.Or(in.KeyID, id))
	if err != nil {
		return k, nil, err
	}
	if k.ID != id {
		return k, nil, protocol.Errorf("IncorrectKeyException", "The key ID in the request does not identify a CMK that can perform this operation.")
	}
	aead, err := k.aead()
	if err != nil {
		return k, nil, err
	}
	bound, err := binding(in.Context)
	if err != nil {
		return k, nil, err
	}
	plain, err := aead.Open(nil, nil, in.Ciphertext[idLength:], bound)
	if err != nil {
		return k, nil, errCiphertext
	}
	return k, plain, nil
}

type dataKeyInput struct {
	input
	KeySpec       string
	NumberOfBytes int
}

func (r *Room) generateDataKey(_ context.Context, call *protocol.Call, in dataKeyInput) (any, error) {
	k, err := r.usable(call.Region, in.KeyID)
	if err != nil {
		return nil, err
	}
	n := in.NumberOfBytes
	switch in.KeySpec {
	case "AES_256":
		n = 32
	case "AES_128":
		n = 16
	}
	if n < 1 || n > maxDataKey || (in.KeySpec == "") == (in.NumberOfBytes == 0) {
		return nil, protocol.Errorf("ValidationException", "Please specify either number of bytes or key spec.")
	}
	plain := make([]byte, n)
	rand.Read(plain) //nolint:errcheck // crypto/rand.Read never fails
	blob, err := k.seal(plain, in.Context)
	return map[string]any{"CiphertextBlob": blob, "Plaintext": plain, "KeyId": k.ARN}, err
}

// withoutPlaintext is GenerateDataKeyWithoutPlaintext.
func (r *Room) withoutPlaintext(ctx context.Context, call *protocol.Call, in dataKeyInput) (any, error) {
	out, err := r.generateDataKey(ctx, call, in)
	if made, ok := out.(map[string]any); ok {
		delete(made, "Plaintext")
	}
	return out, err
}

func (r *Room) generateRandom(_ context.Context, _ *protocol.Call, in struct{ NumberOfBytes int }) (any, error) {
	if in.NumberOfBytes < 1 || in.NumberOfBytes > maxDataKey {
		return nil, protocol.Errorf("ValidationException", "NumberOfBytes must be between 1 and %d", maxDataKey)
	}
	out := make([]byte, in.NumberOfBytes)
	rand.Read(out) //nolint:errcheck // crypto/rand.Read never fails
	return map[string]any{"Plaintext": out}, nil
}

type reEncryptInput struct {
	Ciphertext  []byte            `json:"CiphertextBlob"`
	From        string            `json:"SourceKeyId"`
	FromContext map[string]string `json:"SourceEncryptionContext"`
	To          string            `json:"DestinationKeyId"`
	ToContext   map[string]string `json:"DestinationEncryptionContext"`
}

func (r *Room) reEncrypt(_ context.Context, call *protocol.Call, in reEncryptInput) (any, error) {
	from, plain, err := r.open(call.Region, input{KeyID: in.From, Ciphertext: in.Ciphertext, Context: in.FromContext})
	if err != nil {
		return nil, err
	}
	to, err := r.usable(call.Region, in.To)
	if err != nil {
		return nil, err
	}
	blob, err := to.seal(plain, in.ToContext)
	return map[string]any{"CiphertextBlob": blob, "SourceKeyId": from.ARN, "KeyId": to.ARN,
		"SourceEncryptionAlgorithm": symmetric, "DestinationEncryptionAlgorithm": symmetric}, err
}
