package ec2

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
)

// The calls by which the CDK's command looks up what is in an account before it synthesizes an app.
// Source: AWS CDK Developer Guide, "Context methods".

// defaultRange is the range of every default VPC.
// Source: Amazon VPC User Guide, "Default VPC components".
const defaultRange = "172.31.0.0/16"

// isDefault is the value of the filter of that name.
func isDefault(_ *Room, t thing) []string { return []string{strconv.FormatBool(t.flag("IsDefault"))} }

// makeDefault makes the default VPC of a region, if it has none: a public subnet in each zone, and an internet gateway.
// Every region of an account has one.
func (r *Room) makeDefault(region string) error {
	if len(r.all(region, kindVPC, func(o thing) bool { return o.flag("IsDefault") })) > 0 {
		return nil
	}
	now := r.Clock.Now()
	vpc := thing{ID: r.identifier(region, "vpc-", r.Account, "default"), Kind: kindVPC, Region: region, Ready: now,
		Properties: map[string]any{"CidrBlock": defaultRange, "IsDefault": true, "EnableDnsSupport": true, "EnableDnsHostnames": true}}
	parts := madeVPC(r, vpc)
	part := func(kind, id string, properties map[string]any) {
		parts = append(parts, thing{ID: id, Kind: kind, Region: region, VPC: vpc.ID, Owner: vpc.ID, Ready: now, Properties: properties})
	}
	gateway := r.identifier(region, "igw-", vpc.ID)
	part(kindInternet, gateway, map[string]any{})
	attachment := thing{Properties: map[string]any{"VpcId": vpc.ID, "InternetGatewayId": gateway}}
	part(kindAttachment, attachmentID(attachment), attachment.Properties)
	out := thing{Properties: map[string]any{"RouteTableId": parts[0].ID, "DestinationCidrBlock": everywhere.String(), "GatewayId": gateway}}
	part(kindRoute, routeID(out), out.Properties)
	base := netip.MustParsePrefix(defaultRange).Addr().As4()
	for i, zone := range Zones(region) {
		base[2] = byte(i << 4) // ranges of 20 bits
		part(kindSubnet, r.identifier(region, "subnet-", vpc.ID, zone), map[string]any{"VpcId": vpc.ID, "AvailabilityZone": zone,
			"CidrBlock": netip.PrefixFrom(netip.AddrFrom4(base), 20).String(), "MapPublicIpOnLaunch": true})
	}
	return r.put(append(parts, vpc)...)
}

// image is an Image of the API.
type image struct {
	ID           string `xml:"imageId"`
	Name         string `xml:"name"`
	Owner        string `xml:"imageOwnerId"`
	State        string `xml:"imageState"`
	Created      string `xml:"creationDate"`
	Architecture string `xml:"architecture"`
	Kind         string `xml:"imageType"`
}

// describeImages makes up a machine image for each identifier, or one for the filters: nothing here starts machines.
// Source: Amazon EC2 API Reference, DescribeImages.
func (r *Room) describeImages(call *protocol.Call) (any, error) {
	wanted := map[string]string{} // first value of each filter
	seeds := listed(call.Form, "Owner")
	for n := 1; call.Form.Has("Filter." + strconv.Itoa(n) + ".Name"); n++ {
		name, values := call.Form.Get("Filter."+strconv.Itoa(n)+".Name"), listed(call.Form, "Filter."+strconv.Itoa(n)+".Value")
		if len(values) > 0 {
			wanted[name] = values[0]
		}
		seeds = append(seeds, name+"="+strings.Join(values, ","))
	}
	ids := listed(call.Form, "ImageId")
	if len(ids) == 0 {
		slices.Sort(seeds)
		sum := sha256.Sum256([]byte(strings.Join(append(seeds, call.Region), "\n")))
		ids = []string{"ami-0" + hex.EncodeToString(sum[:8])}
	}
	out := set{name: "imagesSet"}
	for _, id := range ids {
		out.items = append(out.items, image{ID: id, Name: strings.ReplaceAll(cmp.Or(wanted["name"], id), "*", "0"), Owner: r.Account, State: "available",
			Created: "2026-01-01T00:00:00.000Z", Architecture: cmp.Or(wanted["architecture"], "x86_64"), Kind: "machine"})
	}
	return out, nil
}

// offered is a ServiceDetail of the API.
type offered struct {
	Name  string   `xml:"serviceName"`
	Owner string   `xml:"owner"`
	Zones []string `xml:"availabilityZoneSet>item"`
}

// offers is the answer of DescribeVpcEndpointServices.
type offers struct {
	Names   []string  `xml:"serviceNameSet>item"`
	Details []offered `xml:"serviceDetailSet>item"`
}

// describeOffers says of every service that is asked for that there are endpoints for it, in all zones.
// Source: Amazon EC2 API Reference, DescribeVpcEndpointServices.
func (r *Room) describeOffers(call *protocol.Call) (any, error) {
	names := listed(call.Form, "ServiceName")
	if len(names) == 0 {
		return nil, protocol.Errorf("MissingParameter", "The request must contain the parameter ServiceName: tokendocker lists no services")
	}
	out := offers{Names: names}
	for _, name := range names {
		out.Details = append(out.Details, offered{name, "amazon", Zones(call.Region)})
	}
	return out, nil
}
