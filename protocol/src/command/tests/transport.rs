//! Commands that shape a transfer and its data connection.

use super::*;

#[test]
fn transfers() {
    accepted([
        ("REST 0", Command::Rest(0)),
        ("REST 18446744073709551615 ", Command::Rest(u64::MAX)),
        ("ALLO 100", Command::Allo(Some(100))),
        ("ALLO 100 R 512", Command::Allo(Some(100))),
        ("ALLO", Command::Allo(None)),
        ("ABOR", Command::Abor),
    ]);
    refused(CommandError::MissingArgument, ["REST", "REST "]);
    refused(
        CommandError::BadArgument,
        [
            "REST -1",
            "REST +1",
            "REST x",
            "REST 1 2",
            "REST 18446744073709551616",
        ],
    );
    refused(
        CommandError::BadArgument,
        [
            "ALLO x",
            "ALLO -1",
            "ALLO 1 R",
            "ALLO 1 X 1",
            "ALLO 1 R 1 1",
            "ALLO 1 1",
        ],
    );
}

#[test]
fn parameters() {
    let ascii = Command::Type(Representation::Ascii);
    let image = Command::Type(Representation::Image);
    accepted([
        ("TYPE A", ascii.clone()),
        ("type a n", ascii.clone()),
        ("TYPE A T", ascii),
        ("TYPE I", image.clone()),
        ("TYPE i ", image.clone()),
        ("TYPE L 8", image),
        ("MODE S", Command::Mode(TransferMode::Stream)),
        ("MODE z", Command::Mode(TransferMode::Deflate)),
        ("STRU F", Command::Stru),
        ("stru f ", Command::Stru),
    ]);
    refused(CommandError::MissingArgument, ["TYPE", "MODE", "STRU"]);
    refused(
        CommandError::UnsupportedParameter,
        [
            "TYPE A C", "TYPE E", "TYPE E N", "TYPE L 7", "TYPE X", "TYPE I N",
        ],
    );
    refused(
        CommandError::UnsupportedParameter,
        ["MODE B", "MODE C", "STRU R", "STRU P"],
    );
    refused(
        CommandError::BadArgument,
        ["TYPE L", "TYPE A N N", "MODE SZ", "STRU FILE"],
    );
}

#[test]
fn data_connections() {
    let address = "192.0.2.1:40000".parse().expect("an address");
    accepted([
        ("PASV", Command::Pasv),
        ("EPSV", Command::Epsv(ExtendedPassive::Default)),
        ("EPSV ", Command::Epsv(ExtendedPassive::Default)),
        ("EPSV 1", Command::Epsv(ExtendedPassive::Family(Family::V4))),
        ("EPSV 2", Command::Epsv(ExtendedPassive::Family(Family::V6))),
        ("epsv all", Command::Epsv(ExtendedPassive::All)),
        ("PORT 192,0,2,1,156,64", Command::Port(address)),
        ("PORT 192,0,2,1,156,64 ", Command::Port(address)),
        (
            "EPRT |1|192.0.2.1|40000|",
            Command::Eprt(SocketAddr::V4(address)),
        ),
    ]);
    for line in ["EPSV 3", "EPSV 0", "EPSV 99999999999", "EPRT |3|x|1|"] {
        assert_eq!(
            parse(line),
            Err(CommandError::UnsupportedNetworkProtocol),
            "{line}"
        );
    }
    refused(CommandError::MissingArgument, ["PORT", "EPRT "]);
    refused(
        CommandError::BadArgument,
        [
            "PASV x",
            "EPSV x",
            "EPSV -1",
            "PORT 1,2,3,4,5",
            "EPRT |1|::1|1|",
            "EPRT ||",
        ],
    );
}
