# What fish completes behind sftunnel-bundler; sftunnel-bundler --show-completion prints this.

function __sftunnel_bundler_is -d 'whether this verb was typed'
    set -l words (commandline -opc)
    set -l verb
    set -e words[1]
    while set -q words[1]
        switch $words[1]
            case --lang
                set -e words[1]
            case '-*'
            case '*'
                set -a verb $words[1]
                contains -- "$verb" 'console'; or break
        end
        set -e words[1]
    end
    test "$verb" = "$argv"
end

complete -c sftunnel-bundler -f
complete -c sftunnel-bundler -n '__sftunnel_bundler_is ' -a expiry -d 'Show how long certificates are valid.'
complete -c sftunnel-bundler -n '__sftunnel_bundler_is ' -a collect -d 'Print the script that makes a snapshot of an FMC\'s files, for building elsewhere.'
complete -c sftunnel-bundler -n '__sftunnel_bundler_is ' -a keygen -d 'Make a signer, and print its fingerprint.'
complete -c sftunnel-bundler -n '__sftunnel_bundler_is ' -a build -d 'Build a kit: one signed bundle a device.'
complete -c sftunnel-bundler -n '__sftunnel_bundler_is ' -a sign -d 'Sign a kit that was built unsigned, or by another.'
complete -c sftunnel-bundler -n '__sftunnel_bundler_is ' -a inspect -d 'Show what is in a bundle, and whose it is.'
complete -c sftunnel-bundler -n '__sftunnel_bundler_is ' -a verify -d 'Verify bundles: form, signature, checksums, trio.'
complete -c sftunnel-bundler -n '__sftunnel_bundler_is ' -a usb -d 'Copy a kit to a USB stick: flushed, read back, compared.'
complete -c sftunnel-bundler -n '__sftunnel_bundler_is ' -a receipts -d 'Verify receipts and codes, and show how the change stands.'
complete -c sftunnel-bundler -n '__sftunnel_bundler_is ' -a diff -d 'Show what would change, certificate by certificate.'
complete -c sftunnel-bundler -n '__sftunnel_bundler_is ' -a diagnose -d 'Say which tunnels fail and why, from logs.'
complete -c sftunnel-bundler -n '__sftunnel_bundler_is ' -a demo -d 'Show the whole journey on made-up appliances.'
complete -c sftunnel-bundler -n '__sftunnel_bundler_is ' -a console -d 'Bring a bundle to a device over its serial console.'
complete -c sftunnel-bundler -n '__sftunnel_bundler_is ' -l version -d 'Show the version.'
complete -c sftunnel-bundler -n '__sftunnel_bundler_is ' -l lang -x -a 'en es' -d 'Language of messages, help and runbooks.'
complete -c sftunnel-bundler -n '__sftunnel_bundler_is ' -l install-completion -d 'Install completion for the current shell.'
complete -c sftunnel-bundler -n '__sftunnel_bundler_is ' -l show-completion -d 'Show completion for the current shell, to copy it or customize the installation.'
complete -c sftunnel-bundler -n '__sftunnel_bundler_is ' -s h -l help -d 'Show this message and exit.'
complete -c sftunnel-bundler -n '__sftunnel_bundler_is expiry' -F
complete -c sftunnel-bundler -n '__sftunnel_bundler_is expiry' -l warn-days -x -d 'Warn so many days ahead.'
complete -c sftunnel-bundler -n '__sftunnel_bundler_is expiry' -l json -d 'Print the result as JSON.'
complete -c sftunnel-bundler -n '__sftunnel_bundler_is expiry' -s h -l help -d 'Show this message and exit.'
complete -c sftunnel-bundler -n '__sftunnel_bundler_is collect' -s h -l help -d 'Show this message and exit.'
complete -c sftunnel-bundler -n '__sftunnel_bundler_is keygen' -l out -r -F -d 'Where to write the private key; never replaced.'
complete -c sftunnel-bundler -n '__sftunnel_bundler_is keygen' -l passphrase-file -r -F -d 'File whose first line is the key\'s passphrase.'
complete -c sftunnel-bundler -n '__sftunnel_bundler_is keygen' -l no-passphrase -d 'Leave the key unencrypted on disk.'
complete -c sftunnel-bundler -n '__sftunnel_bundler_is keygen' -s h -l help -d 'Show this message and exit.'
complete -c sftunnel-bundler -n '__sftunnel_bundler_is build' -l fmc-tree -r -F -d 'Directory that looks like an FMC\'s /, or a snapshot; twice for an HA pair, primary first.'
complete -c sftunnel-bundler -n '__sftunnel_bundler_is build' -l failed-push -r -F -d 'The FAILED_PUSH to use, or what generate_certs.pl showed.'
complete -c sftunnel-bundler -n '__sftunnel_bundler_is build' -l all-devices -d 'Every device with new certificates, not only the failed.'
complete -c sftunnel-bundler -n '__sftunnel_bundler_is build' -l only -x -d 'Only this device: name, UUID or address. May be repeated.'
complete -c sftunnel-bundler -n '__sftunnel_bundler_is build' -l devices -r -F -d 'Only the devices in this devices.csv: name,address.'
complete -c sftunnel-bundler -n '__sftunnel_bundler_is build' -l out -r -F -d 'The kit to write.'
complete -c sftunnel-bundler -n '__sftunnel_bundler_is build' -l replace -d 'Replace the kit that stands there.'
complete -c sftunnel-bundler -n '__sftunnel_bundler_is build' -l signing-key -r -F -d 'The signer\'s private key, from keygen; with --sign-command its public key.'
complete -c sftunnel-bundler -n '__sftunnel_bundler_is build' -l signing-passphrase-file -r -F -d 'File with the signing key\'s passphrase.'
complete -c sftunnel-bundler -n '__sftunnel_bundler_is build' -l sign-command -r -F -d 'Program that signs in place of a key at hand: it reads the bytes on standard input and writes a DER signature.'
complete -c sftunnel-bundler -n '__sftunnel_bundler_is build' -l unsigned -d 'Sign nothing: sign the kit later, with sign.'
complete -c sftunnel-bundler -n '__sftunnel_bundler_is build' -l key-passphrase-file -r -F -d 'One passphrase for all device keys.'
complete -c sftunnel-bundler -n '__sftunnel_bundler_is build' -l plain-keys -d 'Leave the device keys unencrypted in the bundles.'
complete -c sftunnel-bundler -n '__sftunnel_bundler_is build' -l with-installer -r -F -d 'The frozen sftunnel-installer to put into each bundle.'
complete -c sftunnel-bundler -n '__sftunnel_bundler_is build' -l jobs -x -d 'Processes to use.'
complete -c sftunnel-bundler -n '__sftunnel_bundler_is build' -l lang -x -a 'en es' -d 'Language of runbooks and messages.'
complete -c sftunnel-bundler -n '__sftunnel_bundler_is build' -l json -d 'Print the result as JSON.'
complete -c sftunnel-bundler -n '__sftunnel_bundler_is build' -s h -l help -d 'Show this message and exit.'
complete -c sftunnel-bundler -n '__sftunnel_bundler_is sign' -F
complete -c sftunnel-bundler -n '__sftunnel_bundler_is sign' -l signing-key -r -F -d 'The signer\'s private key, from keygen; with --sign-command its public key.'
complete -c sftunnel-bundler -n '__sftunnel_bundler_is sign' -l signing-passphrase-file -r -F -d 'File with the signing key\'s passphrase.'
complete -c sftunnel-bundler -n '__sftunnel_bundler_is sign' -l sign-command -r -F -d 'Program that signs in place of a key at hand: it reads the bytes on standard input and writes a DER signature.'
complete -c sftunnel-bundler -n '__sftunnel_bundler_is sign' -l signer -x -d 'Fingerprint of who must have signed the kit before. May be repeated.'
complete -c sftunnel-bundler -n '__sftunnel_bundler_is sign' -l with-installer -r -F -d 'The sftunnel-installer that bundles may have in them.'
complete -c sftunnel-bundler -n '__sftunnel_bundler_is sign' -l out -r -F -d 'The signed kit to write.'
complete -c sftunnel-bundler -n '__sftunnel_bundler_is sign' -l lang -x -a 'en es' -d 'Language of runbooks and messages.'
complete -c sftunnel-bundler -n '__sftunnel_bundler_is sign' -l json -d 'Print the result as JSON.'
complete -c sftunnel-bundler -n '__sftunnel_bundler_is sign' -s h -l help -d 'Show this message and exit.'
complete -c sftunnel-bundler -n '__sftunnel_bundler_is inspect' -F
complete -c sftunnel-bundler -n '__sftunnel_bundler_is inspect' -l json -d 'Print the result as JSON.'
complete -c sftunnel-bundler -n '__sftunnel_bundler_is inspect' -s h -l help -d 'Show this message and exit.'
complete -c sftunnel-bundler -n '__sftunnel_bundler_is verify' -F
complete -c sftunnel-bundler -n '__sftunnel_bundler_is verify' -l signer -x -d 'Fingerprint to trust, 64 hex digits. May be repeated.'
complete -c sftunnel-bundler -n '__sftunnel_bundler_is verify' -l passphrase-file -r -F -d 'File with the key\'s passphrase: checks the key, too.'
complete -c sftunnel-bundler -n '__sftunnel_bundler_is verify' -s h -l help -d 'Show this message and exit.'
complete -c sftunnel-bundler -n '__sftunnel_bundler_is usb' -F
complete -c sftunnel-bundler -n '__sftunnel_bundler_is usb' -l image -r -F -d 'Write an image of a FAT32 stick, instead of to DIR.'
complete -c sftunnel-bundler -n '__sftunnel_bundler_is usb' -l replace -d 'Replace another kit on the stick, or the image.'
complete -c sftunnel-bundler -n '__sftunnel_bundler_is usb' -l with-installer -r -F -d 'The frozen sftunnel-installer to put there, too.'
complete -c sftunnel-bundler -n '__sftunnel_bundler_is usb' -l signer -x -d 'Fingerprint of who must have signed it. May be repeated.'
complete -c sftunnel-bundler -n '__sftunnel_bundler_is usb' -l json -d 'Print the result as JSON.'
complete -c sftunnel-bundler -n '__sftunnel_bundler_is usb' -s h -l help -d 'Show this message and exit.'
complete -c sftunnel-bundler -n '__sftunnel_bundler_is receipts' -F
complete -c sftunnel-bundler -n '__sftunnel_bundler_is receipts' -l code -x -d 'Confirmation code read out by telephone. May be repeated.'
complete -c sftunnel-bundler -n '__sftunnel_bundler_is receipts' -l warn-days -x -d 'Show as expiring so many days ahead.'
complete -c sftunnel-bundler -n '__sftunnel_bundler_is receipts' -l signer -x -d 'Fingerprint of who must have signed it. May be repeated.'
complete -c sftunnel-bundler -n '__sftunnel_bundler_is receipts' -l json -d 'Print the result as JSON.'
complete -c sftunnel-bundler -n '__sftunnel_bundler_is receipts' -l csv -d 'Print the devices as CSV.'
complete -c sftunnel-bundler -n '__sftunnel_bundler_is receipts' -s h -l help -d 'Show this message and exit.'
complete -c sftunnel-bundler -n '__sftunnel_bundler_is diff' -F
complete -c sftunnel-bundler -n '__sftunnel_bundler_is diff' -l passphrase-file -r -F -d 'File with a key\'s passphrase: opens encrypted keys. May be repeated.'
complete -c sftunnel-bundler -n '__sftunnel_bundler_is diff' -l json -d 'Print the result as JSON.'
complete -c sftunnel-bundler -n '__sftunnel_bundler_is diff' -s h -l help -d 'Show this message and exit.'
complete -c sftunnel-bundler -n '__sftunnel_bundler_is diagnose' -F
complete -c sftunnel-bundler -n '__sftunnel_bundler_is diagnose' -l json -d 'Print the result as JSON.'
complete -c sftunnel-bundler -n '__sftunnel_bundler_is diagnose' -s h -l help -d 'Show this message and exit.'
complete -c sftunnel-bundler -n '__sftunnel_bundler_is demo' -l keep -d 'Leave the directory with the appliances and the kit.'
complete -c sftunnel-bundler -n '__sftunnel_bundler_is demo' -s h -l help -d 'Show this message and exit.'
complete -c sftunnel-bundler -n '__sftunnel_bundler_is console' -a script -d 'Print a text that brings a bundle to a device when it is pasted there.'
complete -c sftunnel-bundler -n '__sftunnel_bundler_is console' -a send -d 'Send a bundle over a serial console, and again what arrives damaged.'
complete -c sftunnel-bundler -n '__sftunnel_bundler_is console' -s h -l help -d 'Show this message and exit.'
complete -c sftunnel-bundler -n '__sftunnel_bundler_is console script' -F
complete -c sftunnel-bundler -n '__sftunnel_bundler_is console script' -l out -r -F -d 'A new file for the text.'
complete -c sftunnel-bundler -n '__sftunnel_bundler_is console script' -l signer -x -d 'Fingerprint to trust, 64 hex digits. May be repeated.'
complete -c sftunnel-bundler -n '__sftunnel_bundler_is console script' -s h -l help -d 'Show this message and exit.'
complete -c sftunnel-bundler -n '__sftunnel_bundler_is console send' -F
complete -c sftunnel-bundler -n '__sftunnel_bundler_is console send' -l port -r -F -d '/dev/ttyUSB0, or socket://host:port of a terminal server.'
complete -c sftunnel-bundler -n '__sftunnel_bundler_is console send' -l baud -x -d 'Speed; always 8N1.'
complete -c sftunnel-bundler -n '__sftunnel_bundler_is console send' -l flow -x -a 'none xonxoff rtscts' -d 'How the device says stop.'
complete -c sftunnel-bundler -n '__sftunnel_bundler_is console send' -l dir -x -d 'Where to on the device; made if it is not there.'
complete -c sftunnel-bundler -n '__sftunnel_bundler_is console send' -l line-delay -x -d 'Milliseconds after each line.'
complete -c sftunnel-bundler -n '__sftunnel_bundler_is console send' -l wait -x -d 'Seconds to wait for a root shell.'
complete -c sftunnel-bundler -n '__sftunnel_bundler_is console send' -l walk -d 'Go to the root shell: log in, connect ftd, expert, sudo su.'
complete -c sftunnel-bundler -n '__sftunnel_bundler_is console send' -l user -x -d 'With --walk: who logs in.'
complete -c sftunnel-bundler -n '__sftunnel_bundler_is console send' -l module -x -d 'With --walk: the module of a 4100 or 9300.'
complete -c sftunnel-bundler -n '__sftunnel_bundler_is console send' -l install -d 'Start the installer there, with the keyboard passed through.'
complete -c sftunnel-bundler -n '__sftunnel_bundler_is console send' -l signer -x -d 'Fingerprint to trust, 64 hex digits. May be repeated.'
complete -c sftunnel-bundler -n '__sftunnel_bundler_is console send' -l transcript -r -F -d 'A new file for what the console prints, 0600.'
complete -c sftunnel-bundler -n '__sftunnel_bundler_is console send' -l json -d 'Print the result as JSON.'
complete -c sftunnel-bundler -n '__sftunnel_bundler_is console send' -s h -l help -d 'Show this message and exit.'
