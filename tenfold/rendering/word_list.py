"""English words in lower case, of 3 to 12 letters, in alphabetical order; a module, so that steps depend on it.

They are whole words of the vocabulary of BERT (google-research/bert, uncased; Apache-2.0), the first ones in that
vocabulary's order that are written in lower case for the most part in English texts, less words that one would not like
to see on a page at random.
"""

WORD_LIST = """
abandoned ability able about above absence academic accept accepted access accident accompanied account accounts
accused achieve achieved achievement acid acquired acres across act acted acting action actions active activities
activity actor actors actress acts actual actually adapted add added adding addition additional address adjacent admit
admitted adopted adult adults advance advanced advantage adventure advertising advice affairs affected afraid after
afternoon afterwards again against age aged agent agents ages ago agree agreed agreement ahead aid aimed aircraft
aired album albums alive all allen allow allowed allowing allows almost alone along alongside already also alternate
alternative although always amateur amazing among amongst amount analysis ancient and anger angry animal animals
animated anniversary announced annual annually another answer answered anti any anymore anyone anything anyway
anywhere apart apartment apparently appeal appear appearance appearances appeared appearing appears application
applications applied apply appointed appointment approach approached appropriate approval approved architect
architecture are area areas arena argued arm armed arms around arranged arrangement arrival arrived art article
articles artillery artist artistic artists arts aside ask asked asking asks aspects assault assigned assist assistance
assistant associate associated assumed attached attempt attempted attempts attend attended attention attracted
audience audio austin author authorities authority authors available average avoid awarded aware away baby back backed
background backing bad bag balance ball band bands banks bar bare barely base baseball based basic basis basketball
bass bathroom battery battle beach bear bears beat beating beautiful beauty became because become becomes becoming bed
bedroom been beer before began begin beginning begins begun behavior behind being believe believed belonged below belt
beneath benefit bent beside best better between beyond big biggest billion bird birds birth birthday bit blade blind
block blocks blow blue board boat boats bodies body bone bones book books border born boss both bottle bottom bought
bound box boy boys brain branch branches brand break breaking breathing brief briefly bright bring bringing broad
broadcast broke broken bronze brother brothers brought budget build building buildings built burn burned burning burst
bus business businesses busy but button buy cable call called calling calls calm came camera camp campaign campus can
candidate candidates cannot cap capable capacity capital captain capture captured car carbon card cards care career
careful carefully carried carry carrying cars case cases cash cast cat catch category caught cause caused causes
causing cavalry cave celebrated cell cells census centers centre centuries century ceremony certain certainly chain
chair challenge chamber champion chance change changed changes changing channel chapel character characters charge
charged charges charity chase check cheek cheeks chemical chemistry chest chief child childhood children chin choice
choose chose chosen churches cinema circuit cited cities citizens city claim claimed claims class classes classic
classical classified clean clear cleared clearly climate climbed clinical clock close closed closely closer closing
clothes clothing cloud clubs coach coal coastal coat code coffee cold collected collection college colonial colony
color colors colour column combat combination combined come comedy comes comic comics coming command commanded
commander commerce commercial commissioned committed common commonly commune communities community companies company
compared compete competed competition complete completed completely completion complex components composed composer
composition computer concept concern concerned concerns concert concluded concrete condition conditions conduct
conducted conference confirmed conflict confused connected connection consecutive conservative consider considerable
considered considering consisted consisting consists constant constructed construction contact contain contained
containing contains contemporary content contest context continue continued continues continuing contract contrast
contributed control controlled conversation converted convinced cook cool copies copy core corner corporate correct
cost costs cotton could count counter counties countries country couple couples course courses courts cousin cover
coverage covered covering covers crash crazy create created creating creation creative creature credit credited
credits crew crisis critic critical criticism criticized critics cross crossed crossing crowd crown cultural culture
current currently customers cut cutting cycle daily dam damage damaged dance dancing danger dangerous dark darkness
data date dated dates dating daughter daughters dawn day days deal dear debate debut debuted decade decades decide
decided decision decisions deck declared declined dedicated deep deeply defeat defeated defeating defense defensive
defined definitely definition degree degrees delivered demand demanded denied depending depression depth deputy
derived describe described describes description desert design designated designed designer designs desire desk
despite destroy destroyed destruction details detective determine determined develop developed developing development
device devices diamond did difference differences different difficult digital dinner direct directed direction
directly director directors dirty disappeared disc discovered discovery discussion disney display distance distinct
distributed distribution districts divided divisions document documentary documents does dog dogs doing dollars domain
domestic done door doors double doubt down downtown dozen draft dragon drama draw drawing drawn dream dreams dress
dressed drink drinking drive driven driver driving drop dropped drove drums dry due during dust duties duty dynasty
each ear earlier earliest early earned ears easier easily eastern easy eat eating economic economy edge edited edition
editor education educational effect effective effectively effects effort efforts eight eighth either elder elected
election elections electoral electricity electronic element elements eleven eliminated else emerged emergency employed
employees employment empty end ended ending ends energy engaged engine engineer engineering engineers engines enjoy
enjoyed enough ensure enter entered entering entire entirely entitled entrance entry environment episode episodes
equal equipment equipped equivalent era escape escaped especially establish established estate estimated ethnic eve
even evening event events eventually ever every everyone everything evidence evil exactly example examples excellent
except exception executed executive exhibition exist existed existence existing exists expanded expansion expect
expected expedition expensive experience experienced experiences experimental explain explained exposed expressed
expression extended extension extensive external extra extreme extremely eye eyes face faced faces facilities facility
facing fact factor factors factory failed failure fair faith fall fallen falling falls false familiar families family
famous fan fans fantasy far farm fashion fast faster fate father fault favor favorite fear feature featured features
featuring feed feel feeling feelings feels feet fell fellow felt female festival few fiction field fields fifteen
fifth fifty fight fighter fighting figure figures file filed fill filled film filmed films final finally finals
financial find finding finds fine finger fingers finish finished finishing fire fired firm first fish fishing fit five
fixed flag flash flat fleet flesh flew flight floor flow flower flowers flows fly flying focus focused folk follow
followed following follows food foot football for force forced forces forehead forests forever forget forgotten form
formal formally format formation formed former formerly forming forms formula forth forty forward foster fought found
founded founder founding four fourth frame franchise free freedom frequency frequently fresh friend friendly friends
from front fruit fuel full fully fun function functions fund funding funds funny further future gain gained game games
gang gap garden gas gate gathered gave gaze gender generally generation gently genus get gets getting ghost giant gift
girl girlfriend girls give given gives giving glad glass global goal goals gods goes going gold golf gone good goods
got gotten government governor grabbed grace grade gradually graduate grandfather grant granted grass gray great
greater greatest greatly grew grip ground grounds group groups grow growing grown growth guards guess guest guests
guide guilty guitar guitarist guy guys had hair half hand handed handle hands hanging happen happened happening
happens happy hard harder has hat have haven having head headed heading headquarters heads health hear heard hearing
heart heat heaven heavily heavy height held help helped helping hence her here heritage hero herself hidden hide
hiding high higher highest highly highway him himself hired his historian historical history hit hits hold holding
holds hole holiday hollywood holy home homes honor honorary honour hop hope hoped hoping horror horse horses hospital
host hosted hosts hot hotel hour hours house household households houses housing huge human humans hundred hundreds
hung hunt hunter hunting hurt husband ice idea ideas identified identity ignored illegal image images imagine
immediate immediately impact importance important impossible improve improved inch inches incident include included
includes including income increase increased increasing increasingly indeed independent indicate indicated individual
individuals industrial industry influence influenced influential information inhabitants initial initially initiative
injuries injury inner inside inspired installed instance instead institutions instrument instruments insurance
integrated intelligence intended intense interest interested interesting interests interior internal interview into
introduced introduction invasion investment invited involved involving iron issue issued issues items its itself
jacket job jobs join joined joining joint journalist journey joy judge jump jumped junction jury just keep keeping
kept key keys kick kicked kid kids kilometres kind kings kitchen knee knees knew knife knocked know knowing knowledge
known knows label lack ladies laid land landed landing lands landscape lane language languages large largely larger
largest last lasted late later latter laugh laughed laughing launch launched law laws lawyer lay lead leader leaders
leadership leading leads learn learned learning least leather leave leaves leaving led left leg legal legend
legislation legislature legs length less let letter letters letting level levels liberal library license lie lies life
lifetime lift lifted light lights like liked likely limit limited limits line lines link linked lips liquid list
listed listen listening lit literary literature little live lived lives living loan local located location locations
lock locked long longer longest look looked looking looks loose lose losing loss losses lost lot loud love loved low
lower lucas lucky lunch lying lyrics machine made magazine magic mail main mainly maintain maintained maintenance
major majority make makes makeup making male man manage managed management manager managing manner manual many map
marked market marketing markets marks marriage married marry mass massive master match matches material materials
matter matters maximum may maybe mayor mean meaning means meant measure measures meat mechanical medal media medical
medicine medium meet meeting meetings meets member members membership memories memory men mental mention mentioned
merchant merely message met metal meters method methods metres middle might mile miles milk mill million mind mine
minimum mining minor minute minutes mirror miss missed missing mission missions mix mixed mobile mode model models
modern modified moment moments money monster month months monument moon moore more morning most mostly mother motion
mounted mouth move moved movement movements moves movie movies moving much multi multiple music musical musicians must
myself mystery name named names narrow nation natural nature naval near nearby nearly necessary neck need needed needs
negative neighborhood neither nervous net networks never nevertheless newly news newspaper newspapers next nice night
nights nine nobody noise nominated nomination none nor normal normally northeast northern northwest nose not notable
notably note noted notes nothing notice noticed novel now nuclear number numbers numerous oak object objects observed
obtained obvious obviously occasionally occupation occupied occur occurred occurs odd off offensive offer offered
offering offers office officer officers offices official officially officials often oil okay old older oldest once one
ones online only onto open opened opening opera operate operated operates operating operational operations opinion
opportunity opposed opposite opposition option order ordered orders organisation organization organized origin
original originally other others otherwise our out outer output outside outstanding over overall own owned owner
owners ownership pace pack pages paid pain painted painting paintings pair palace pale panel pants paper papers
parallel parents parking parks parliament part participate participated particular particularly parties partly partner
partners partnership parts party pass passage passed passenger passengers passes passing past path patient patients
patrol pattern pay peace peak peaked penalty people per percent perfect perform performance performances performed
performing perhaps period permanent person personal personality personnel persons phase philosophy phone photo
photography physical physics piano pick picked picture pictures piece pieces pilot pink pitch place placed places
plain plan plane planet planned planning plans plant plants plastic plate platform play played player players playing
plays please pleasure plot plus pocket poem poems poet poetry point pointed points pole police policies policy
political politician politics pool poor pop popular popularity population portion portrait position positions positive
possibility possible possibly post potential poverty power powered powerful powers practice practices praised prepared
presence present presented preserved presidential pressed pressure pretty prevent previous previously price priest
primarily primary principal principles print printed prior private pro probably problem problems process processing
produce produced producer producers producing product production productions products professional profit program
programme programming programs progress project projects prominent promise promised promote promoted promotion proper
properties property proposal proposed protect protected protection protest prove proved provide provided provides
providing province provincial public publication publications published publishing pull pulled pulling purchase
purchased pure purple purpose purposes push pushed pushing put putting qualifying quality quarter question questions
quick quickly quiet quietly quite race races racial racing radio rail railroad railway rain raise raised raising ran
range rank ranked ranking rapid rapidly rare rarely rate rates rather rating ratio raw reach reached reaches reaching
reaction read reading ready real reality realize realized really rear reason reasons receive received receiving recent
recently recognition recognized record recorded recording records reduce reduced refer reference referred refers
reform refused regarded regarding region regional regions register registered regular regularly reign rejected related
relations relationship relative relatively release released relief religion religious remain remained remaining
remains remember remembered remote remove removed renamed repeated replace replaced replacement replacing replied
report reported reporter reports represent represented representing represents reputation request require required
requires rescue residence resident residential residents resigned resistance resolution resources respect respectively
responded response responsible rest restaurant restoration restored result resulted resulting results retained retired
retirement return returned returning returns revealed revenue review reviews revolution rhythm rice rich ride ridge
riding rifle right rights ring rise rising risk rival roads rock rocks role roles roll rolled rolling romantic roof
room rooms roots rose rough roughly round rounds routes row rule ruled rules run runner running runs rural rush sad
safe safety said sale sales salt same sand sang sat satellite save saved saw say saying says scale scene scenes
schedule scheduled scheme scholar scholars school schools science scientific score scored scoring screen script sea
search searching season seasons seat seats second secondary seconds secret section sections sector secure security see
seed seeing seek seeking seem seemed seems seen sees selected selection self sell selling semi send sending senior
sense sent sentence separate separated sequence series serious seriously serve served serves service services serving
session sessions set sets setting settled settlement seven seventh several severe shadow shadows shake shaking shall
shape shaped share shared sharp shift shifted ship ships shirt shock shoes shook shop shopping shore short shortly
should shoulder shoulders show showed shower showing shown shows shut sick side sides sight sign signal signed
significant signing signs silence silent silver similar simple simply since sing singer singing single singles sister
sisters sit site sites sitting situated situation six sixth size skills skin sky sleep sleeping slid slightly slipped
slow slowly small smaller smart smell smile smiled smiling smoke smooth snow soccer social society soft software soil
solar sold solid solo solution some somehow someone something sometimes somewhat somewhere son song songs sons soon
sorry sort sought soul sound sounded sounds soundtrack source sources southern southwest space speak speaker speaking
special species specific specifically speech speed spell spend spending spent spirit spiritual split spoke spoken
sponsored sport spot spread spring squad square stable staff stage stages stairs stand standard standards standing
stands star staring starred starring stars start started starting starts state stated statement stating station
stations statue status stay stayed staying steam steel step stepped steps stick still stock stomach stone stones stood
stop stopped storage store stores stories storm story straight strange strategic strategy stream streets strength
strike string strong stronger strongly struck structure structures struggle stuck student students studied studies
studio studios study studying stuff style subject subjects subsequent subsequently succeeded success successful
successfully successor such sudden suddenly suffered suffering sugar suggest suggested suggests suit summer summit
superior supplies supply support supported supporting supposed sure surface surgery surprise surprised surrounded
surrounding survey survive survived surviving sweet swimming sword symbol system table take taken takes taking talent
talk talked talking tall tank target task taste taught tax tea teach teacher teachers teaching team teams tears
technical technique techniques technology teeth television tell telling tells temperature temporary tennis term terms
territories territory test testing tests text than thank thanks that the theater their them theme themselves then
theory there therefore these they thick thin thing things think thinking third thirty this those though thought
thoughts thousand thousands threat threatened three threw throat throne through throughout throw thus tie tied tight
till time times tiny tip tired title titled titles today together told tomorrow tone tongue tonight tons too took
tools top total totally touch touched tournament toward towards town towns track tracks trade trading tradition
traditional traffic train trained training trains transfer transferred translation transport travel traveled treated
treatment tree trees trial tribe tried tries trip troops tropical trouble truck true truly trust truth try trying
tunnel turn turned turning turns twelve twenty twice twin twisted two type types typical typically ultimately unable
uncle under underground understand understood uniform unique unit units universal universe unknown unless unlike until
unusual upon upper upset urban use used useful user users uses using usual usually value values vampire variety
various vast vehicle vehicles version versions versus very vessel vessels victory video view views village visible
vision visit visited visiting visitors visual vocal vocals voice voices volume vote voted votes wait waited waiting
wake walk walked walking walls want wanted wanting wants warm warning warriors was waste watch watched watching water
waters wave waves way ways weak wear wearing weather website wedding week weekend weekly weeks weight welcome well
went were wet whatever wheel when where whereas whether which while whispered who whole whom whose wide widely wife
wild will willing win wind window wine wing wings winner winners winning wins winter wish wished with within without
woman women won wonder wondered wondering wood wooden word words wore work worked workers working works world
worldwide worn worried worry worse worst worth would wound wrapped write writer writers writing written wrong wrote
yard yards yeah year years yellow yes yet you young younger youngest your yourself youth zero zone
"""
