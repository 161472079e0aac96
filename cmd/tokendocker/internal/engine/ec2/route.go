package ec2

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"strings"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
)

func busyTable(r *Room, t thing) error {
	if len(r.all(t.Region, kindAssociation, func(o thing) bool { return o.text("RouteTableId") == t.ID })) > 0 {
		return protocol.Errorf(dependencyViolation, "The routeTable '%s' has dependencies and cannot be deleted.", t.ID)
	}
	return nil
}

func checkAssociation(r *Room, t thing) error {
	if err := r.need(t.Region, t.text("RouteTableId"), "InvalidRouteTableID.NotFound", "routeTable ID"); err != nil {
		return err
	}
	if err := r.need(t.Region, t.text("SubnetId"), "InvalidSubnetID.NotFound", "subnet ID"); err != nil {
		return err
	}
	if table, p := r.find(t.Region, t.text("RouteTableId")); p == here && t.VPC != table.VPC {
		return protocol.Errorf("InvalidParameterValue", "route table %s and subnet %s belong to different networks", table.ID, t.text("SubnetId"))
	}
	if len(r.all(t.Region, kindAssociation, func(o thing) bool { return o.text("SubnetId") == t.text("SubnetId") })) > 0 {
		return protocol.Errorf("Resource.AlreadyAssociated", "the specified association for route table %s conflicts with an existing association", t.text("RouteTableId"))
	}
	return nil
}

// destination is where a route leads to: a range or a prefix list.
func destination(t thing) string {
	return cmp.Or(t.text("DestinationCidrBlock"), t.text("DestinationIpv6CidrBlock"), t.text("DestinationPrefixListId"))
}

func routeID(t thing) string { return t.text("RouteTableId") + "|" + destination(t) }

func checkRoute(r *Room, t thing) error {
	if err := r.need(t.Region, t.text("RouteTableId"), "InvalidRouteTableID.NotFound", "routeTable ID"); err != nil {
		return err
	}
	if _, p := r.find(t.Region, routeID(t)); p == here {
		return protocol.Errorf("RouteAlreadyExists", "The route identified by %s already exists.", destination(t))
	}
	if err := r.need(t.Region, t.text("NatGatewayId"), "InvalidNatGatewayID.NotFound", "natGateway ID"); err != nil {
		return err
	}
	gateway := t.text("GatewayId")
	if err := r.need(t.Region, gateway, "InvalidInternetGatewayID.NotFound", "internetGateway ID"); err != nil {
		return err
	}
	if _, p := r.find(t.Region, gateway); p == here && r.internet(t.Region, t.VPC) != gateway {
		return protocol.Errorf("InvalidParameterValue", "route table %s and network gateway %s belong to different networks", t.text("RouteTableId"), gateway)
	}
	return nil
}

// internet returns the internet gateway that is attached to a VPC, empty if none is.
func (r *Room) internet(region, vpc string) string {
	for _, a := range r.all(region, kindAttachment, func(o thing) bool { return o.VPC == vpc }) {
		if id := a.text("InternetGatewayId"); id != "" {
			return id
		}
	}
	return ""
}

func busyInternet(r *Room, t thing) error {
	if len(r.all(t.Region, kindAttachment, func(o thing) bool { return o.text("InternetGatewayId") == t.ID })) > 0 {
		return protocol.Errorf(dependencyViolation, "The internetGateway '%s' has dependencies and cannot be deleted.", t.ID)
	}
	return nil
}

func attachmentID(t thing) string {
	if t.text("VpnGatewayId") != "" {
		return "VGW|" + t.text("VpcId")
	}
	return "IGW|" + t.text("VpcId")
}

func checkAttachment(r *Room, t thing) error {
	if err := checkInVPC(r, t); err != nil {
		return err
	}
	gateway := t.text("InternetGatewayId")
	if err := r.need(t.Region, gateway, "InvalidInternetGatewayID.NotFound", "internetGateway ID"); err != nil {
		return err
	}
	if now := r.internet(t.Region, t.VPC); gateway != "" && now != "" {
		return protocol.Errorf("InvalidParameterValue", "Network %s already has an internet gateway attached", t.VPC)
	}
	if len(r.all(t.Region, kindAttachment, func(o thing) bool { return gateway != "" && o.text("InternetGatewayId") == gateway })) > 0 {
		return protocol.Errorf("Resource.AlreadyAssociated", "resource %s is already attached to network", gateway)
	}
	return nil
}

// busyAttachment keeps a gateway while something in the VPC has a public address.
func busyAttachment(r *Room, t thing) error {
	public := func(o thing) bool { return o.VPC == t.VPC && o.text("AllocationId") != "" }
	if t.text("InternetGatewayId") != "" && len(r.all(t.Region, kindNAT, public)) > 0 {
		return protocol.Errorf(dependencyViolation, "Network %s has some mapped public address(es). Please unmap those public address(es) before detaching the gateway.", t.VPC)
	}
	return nil
}

func attributesAttachment(_ *Room, t thing) map[string]any {
	kind, _, _ := strings.Cut(t.ID, "|")
	return map[string]any{"AttachmentType": kind}
}

// address is the public address of an elastic IP, of the block for documentation (RFC 5737).
func address(t thing) string {
	sum := sha256.Sum256([]byte(t.ID))
	return fmt.Sprintf("203.0.113.%d", 1+int(sum[0])%254)
}

func busyAddress(r *Room, t thing) error {
	if len(r.all(t.Region, kindNAT, func(o thing) bool { return o.text("AllocationId") == t.ID })) > 0 {
		return protocol.Errorf(dependencyViolation, "The address with allocation id [%s] cannot be released because it is in use", t.ID)
	}
	return nil
}

func attributesAddress(_ *Room, t thing) map[string]any {
	return map[string]any{"AllocationId": t.ID, "PublicIp": address(t)}
}

func checkNAT(r *Room, t thing) error {
	if err := r.need(t.Region, t.text("SubnetId"), "InvalidSubnetID.NotFound", "subnet ID"); err != nil {
		return err
	}
	if err := r.need(t.Region, t.text("AllocationId"), "InvalidAllocationID.NotFound", "allocation ID"); err != nil {
		return err
	}
	if _, p := r.find(t.Region, t.VPC); p == here && t.text("ConnectivityType") != "private" && r.internet(t.Region, t.VPC) == "" {
		return protocol.Errorf("Gateway.NotAttached", "Network %s has no Internet gateway attached", t.VPC)
	}
	return nil
}

func attributesNAT(r *Room, t thing) map[string]any {
	out := map[string]any{"NatGatewayId": t.ID}
	for _, o := range r.owned(t) {
		out["EniId"] = o.ID
	}
	return out
}
