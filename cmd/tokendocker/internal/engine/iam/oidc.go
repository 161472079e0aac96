package iam

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/resource"
)

// identityProvider is an OpenID Connect provider. It is kept and looked at; nobody signs in by it.
type identityProvider struct {
	ARN         string
	URL         string // without the scheme
	Clients     []string
	Thumbprints []string
	Created     time.Time
}

// withoutScheme returns a provider's URL as its ARN has it.
func withoutScheme(text string) string { return strings.TrimPrefix(text, "https://") }

func (r *Room) oidcARN(text string) string { return r.arn("oidc-provider", "/", withoutScheme(text)) }

// addProvider keeps a new provider. Source: IAM API Reference, CreateOpenIDConnectProvider.
func (r *Room) addProvider(p identityProvider) (identityProvider, error) {
	if u, err := url.Parse(p.URL); err != nil || u.Scheme != "https" || u.Host == "" {
		return p, protocol.Errorf("InvalidInput", "Invalid Open ID Connect Provider URL")
	}
	p.ARN, p.URL, p.Created = r.oidcARN(p.URL), withoutScheme(p.URL), r.Clock.Now()
	if _, found, err := r.providers.Get(p.ARN); err != nil || found {
		if err == nil {
			err = &protocol.Error{Code: "EntityAlreadyExists", Status: http.StatusConflict, Message: fmt.Sprintf("Provider with url https://%s already exists.", p.URL)}
		}
		return p, err
	}
	return p, r.providers.Put(p.ARN, p)
}

// changeProvider changes a provider that there is.
func (r *Room) changeProvider(arn string, change func(*identityProvider)) error {
	return r.providers.Update(arn, func(p identityProvider, found bool) (identityProvider, error) {
		if !found {
			return p, noSuchProvider(arn)
		}
		change(&p)
		return p, nil
	})
}

func noSuchProvider(arn string) error {
	return &protocol.Error{Code: "NoSuchEntity", Status: http.StatusNotFound, Message: fmt.Sprintf("OpenIDConnect Provider not found for arn %s", arn)}
}

// list reads a list of a form: "Name.member.1" and so on.
func list(form url.Values, name string) []string {
	var out []string
	for n := 1; form.Has(fmt.Sprintf("%s.member.%d", name, n)); n++ {
		out = append(out, form.Get(fmt.Sprintf("%s.member.%d", name, n)))
	}
	return out
}

func (r *Room) createProvider(_ context.Context, form url.Values) (any, error) {
	p, err := r.addProvider(identityProvider{URL: form.Get("Url"), Clients: list(form, "ClientIDList"), Thumbprints: list(form, "ThumbprintList")})
	return struct {
		OpenIDConnectProviderArn string
	}{p.ARN}, err
}

func (r *Room) getProvider(_ context.Context, form url.Values) (any, error) {
	p, found, err := r.providers.Get(form.Get("OpenIDConnectProviderArn"))
	if err == nil && !found {
		err = noSuchProvider(form.Get("OpenIDConnectProviderArn"))
	}
	return struct {
		Url            string   //nolint:revive // AWS's spelling
		ClientIDList   []string `xml:"ClientIDList>member"`
		ThumbprintList []string `xml:"ThumbprintList>member"`
		CreateDate     string
	}{p.URL, p.Clients, p.Thumbprints, stamp(p.Created)}, err
}

func (r *Room) deleteProvider(_ context.Context, form url.Values) (any, error) {
	return nil, r.providers.Delete(form.Get("OpenIDConnectProviderArn"))
}

func (r *Room) updateThumbprints(_ context.Context, form url.Values) (any, error) {
	return nil, r.changeProvider(form.Get("OpenIDConnectProviderArn"), func(p *identityProvider) { p.Thumbprints = list(form, "ThumbprintList") })
}

func (r *Room) addClient(_ context.Context, form url.Values) (any, error) {
	return nil, r.changeProvider(form.Get("OpenIDConnectProviderArn"), func(p *identityProvider) {
		if id := form.Get("ClientID"); !slices.Contains(p.Clients, id) {
			p.Clients = append(p.Clients, id)
		}
	})
}

func (r *Room) removeClient(_ context.Context, form url.Values) (any, error) {
	return nil, r.changeProvider(form.Get("OpenIDConnectProviderArn"), func(p *identityProvider) {
		p.Clients = slices.DeleteFunc(p.Clients, func(id string) bool { return id == form.Get("ClientID") })
	})
}

// oidcProvider is AWS::IAM::OIDCProvider.
// Source: AWS CloudFormation Template Reference, AWS::IAM::OIDCProvider.
type oidcProvider struct{ room *Room }

type oidcProperties struct {
	URL            string `json:"Url"`
	ClientIDList   []string
	ThumbprintList []string
}

// Immutable returns the properties whose change makes another provider.
func (oidcProvider) Immutable() []string { return []string{"Url"} }

// Create makes the provider.
func (p oidcProvider) Create(_ context.Context, r resource.Request) (resource.Result, error) {
	props, err := decode[oidcProperties](r.Properties)
	if err != nil {
		return resource.Result{}, err
	}
	made, err := p.room.addProvider(identityProvider{URL: props.URL, Clients: props.ClientIDList, Thumbprints: props.ThumbprintList})
	if err != nil {
		return resource.Result{}, err
	}
	return resource.Result{PhysicalID: made.ARN, Attributes: map[string]any{"Arn": made.ARN}}, nil
}

// Update changes clients and thumbprints.
func (p oidcProvider) Update(_ context.Context, r resource.Request) (resource.Result, error) {
	props, err := decode[oidcProperties](r.Properties)
	if err != nil {
		return resource.Result{}, err
	}
	err = p.room.changeProvider(r.PhysicalID, func(now *identityProvider) { now.Clients, now.Thumbprints = props.ClientIDList, props.ThumbprintList })
	return resource.Result{PhysicalID: r.PhysicalID, Attributes: map[string]any{"Arn": r.PhysicalID}}, err
}

// Delete removes the provider.
func (p oidcProvider) Delete(_ context.Context, r resource.Request) error {
	return p.room.providers.Delete(r.PhysicalID)
}
